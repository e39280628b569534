//! RabbitMQ.

mod programs;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use self::programs::{Ports, TOOLS, node, program, server, surroundings};
use super::clock::put_ahead;
use super::ports::Port;
use super::process::{Process, START, command, write_secret};
use super::{http, wait};

/// The user of the tests themselves, an administrator.
const OPERATOR: (&str, &str) = ("operator", "unused");

/// What can be chosen about a broker before it starts.
#[derive(Debug, Default)]
pub struct Options {
    settings: Vec<String>,
    plugins: Vec<String>,
    prometheus: Option<Port>,
    ahead: Duration,
}

impl Options {
    /// A line of `rabbitmq.conf`, as in `disk_free_limit.absolute = 500TB` for a broker with a disk alarm.
    pub fn setting(mut self, line: &str) -> Self {
        self.settings.push(line.to_owned());
        self
    }

    /// A plugin beside that of management.
    pub fn plugin(mut self, name: &str) -> Self {
        self.plugins.push(name.to_owned());
        self
    }

    /// The broker serves its own metrics, too.
    pub fn prometheus(mut self) -> Self {
        let port = self.prometheus.insert(Port::free()).number();
        self.plugin("rabbitmq_prometheus")
            .setting("prometheus.tcp.ip = 127.0.0.1")
            .setting(&format!("prometheus.tcp.port = {port}"))
    }

    /// A clock that goes ahead of ours.
    pub fn ahead(mut self, by: Duration) -> Self {
        self.ahead = by;
        self
    }

    /// Starts the broker with its management interface, and waits until both answer.
    pub async fn start(self) -> Rabbitmq {
        let directory = TempDir::with_prefix("rabbitmq-").expect("a temporary directory");
        let ports = Ports::free();
        // Left to itself, the broker would start a daemon for names that outlives it.
        let mut epmd = command("epmd");
        epmd.args(["-address", "127.0.0.1", "-port", &ports.names.to_string()]);
        let names = Process::spawn("epmd", epmd, directory.path());
        wait::eventually(START, "epmd listens", async || {
            tokio::net::TcpStream::connect(("127.0.0.1", ports.names.number())).await.is_ok()
        })
        .await;
        fs::write(directory.path().join("rabbitmq.conf"), self.config(&ports)).expect("it is writable");
        let plugins =
            self.plugins.iter().fold("rabbitmq_management".to_owned(), |list, name| list + "," + name);
        fs::write(directory.path().join("plugins"), format!("[{plugins}].")).expect("it is writable");
        let mut command = server(directory.path(), &ports);
        if !self.ahead.is_zero() {
            put_ahead(&mut command, self.ahead, directory.path()).await;
        }
        let process = Process::spawn("rabbitmq", command, directory.path());
        let prometheus = self.prometheus;
        let mut broker = Rabbitmq { process, _names: names, ports, prometheus, directory };
        broker.ready().await;
        broker
    }

    fn config(&self, ports: &Ports) -> String {
        let Ports { amqp, management, .. } = ports;
        let (user, password) = OPERATOR;
        // Statistics of a queue follow it within 2 seconds instead of 5.
        let mut config = format!(
            "listeners.tcp.default = 127.0.0.1:{amqp}\nmanagement.tcp.ip = 127.0.0.1\n\
             management.tcp.port = {management}\ncollect_statistics_interval = 1000\n\
             management.sample_retention_policies.global.minute = 1\n\
             management.sample_retention_policies.basic.minute = 1\n\
             management.sample_retention_policies.detailed.10 = 1\n\
             default_user = {user}\ndefault_pass = {password}\ndefault_user_tags.administrator = true\n\
             log.console = true\nlog.file = false\n"
        );
        for line in &self.settings {
            config.push_str(line);
            config.push('\n');
        }
        config
    }
}

/// A RabbitMQ broker.
#[derive(Debug)]
pub struct Rabbitmq {
    process: Process,
    _names: Process,
    ports: Ports,
    prometheus: Option<Port>,
    directory: TempDir,
}

impl Rabbitmq {
    /// Starts a broker.
    pub async fn start() -> Self {
        Self::options().start().await
    }

    /// Starts a broker with options.
    pub fn options() -> Options {
        Options::default()
    }

    /// The AMQP URL of an administrator.
    pub fn url(&self) -> String {
        self.url_as(OPERATOR.0, OPERATOR.1, "%2f")
    }

    /// The AMQP URL of a user and a virtual host, its name URL-encoded.
    pub fn url_as(&self, user: &str, password: &str, vhost: &str) -> String {
        format!("amqp://{user}:{password}@{}/{vhost}", self.address())
    }

    /// The URL of the management interface, with the login of an administrator.
    pub fn management_url(&self) -> String {
        format!("http://{}:{}@{}", OPERATOR.0, OPERATOR.1, self.management_address())
    }

    /// The URL of a path of the broker's own metrics; panics when it does not serve them.
    pub fn prometheus_url(&self, path: &str) -> String {
        let port = self.prometheus.as_ref().expect("the broker was started with them");
        format!("http://127.0.0.1:{port}{path}")
    }

    /// The AMQP address to put a proxy in front of.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.amqp)
    }

    /// The name of its node.
    pub fn node(&self) -> String {
        node(&self.ports)
    }

    /// The address of the management interface to put a proxy in front of.
    pub fn management_address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.management)
    }

    /// Asks the management interface, with a path such as `/api/queues`; panics on a failure.
    pub async fn get(&self, path: &str) -> Value {
        http::json(self.request(Method::GET, path)).await
    }

    /// Makes or changes something through the management interface; panics on a failure.
    pub async fn put(&self, path: &str, body: Value) {
        http::json(self.request(Method::PUT, path).json(&body)).await;
    }

    /// Removes something through the management interface; panics on a failure.
    pub async fn delete(&self, path: &str) {
        http::json(self.request(Method::DELETE, path)).await;
    }

    /// Makes a virtual host on which the administrator may do everything; its name is URL-encoded.
    pub async fn add_vhost(&self, vhost: &str) {
        self.put(&format!("/api/vhosts/{vhost}"), json!({})).await;
        self.allow(OPERATOR.0, vhost, ".*").await;
    }

    /// Makes a user with tags such as `monitoring`, who has no rights on any virtual host yet.
    pub async fn add_user(&self, user: &str, password: &str, tags: &str) {
        self.put(&format!("/api/users/{user}"), json!({"password": password, "tags": tags})).await;
    }

    /// Lets a user configure, write and read what the pattern matches in a virtual host.
    pub async fn allow(&self, user: &str, vhost: &str, pattern: &str) {
        let rights = json!({"configure": pattern, "write": pattern, "read": pattern});
        self.put(&format!("/api/permissions/{vhost}/{user}"), rights).await;
    }

    /// Makes a policy for the queues whose names match the pattern.
    pub async fn add_policy(&self, vhost: &str, name: &str, pattern: &str, definition: Value) {
        let policy = json!({"pattern": pattern, "definition": definition, "apply-to": "queues"});
        self.put(&format!("/api/policies/{vhost}/{name}"), policy).await;
    }

    /// Declares a durable queue with arguments such as `x-dead-letter-exchange`.
    pub async fn add_queue(&self, vhost: &str, name: &str, arguments: Value) {
        let queue = json!({"durable": true, "arguments": arguments});
        self.put(&format!("/api/queues/{vhost}/{name}"), queue).await;
    }

    /// Puts messages into a queue.
    pub async fn publish(&self, vhost: &str, queue: &str, messages: usize) {
        let path = format!("/api/exchanges/{vhost}/amq.default/publish");
        let message =
            json!({"properties": {}, "routing_key": queue, "payload": "", "payload_encoding": "string"});
        for _ in 0..messages {
            let answer = http::json(self.request(Method::POST, &path).json(&message)).await;
            assert_eq!(answer["routed"], true, "{queue} exists");
        }
    }

    /// Runs a script that calls `rabbitmqctl`, with this on its standard input; panics when it fails.
    pub async fn script(&self, script: &Path, arguments: &[&str], input: &str) {
        let mut command = command("sh");
        let path = std::env::var("PATH").expect("there is one");
        command.env("PATH", format!("{TOOLS}:{path}")).arg(script).args(arguments);
        let file = self.directory.path().join("input");
        write_secret(&file, input);
        command.stdin(fs::File::open(file).expect("it was written"));
        self.output(command).await;
    }

    /// The value of an Erlang expression in the broker, as JSON, by `rabbitmqctl`; panics when it fails.
    pub async fn eval(&self, expression: &str) -> Value {
        let mut command = program(&format!("{TOOLS}/rabbitmqctl"));
        let printed = format!("io:format(\"~ts~n\", [rabbit_json:encode({expression})]).");
        command.args(["--silent", "eval", &printed]);
        let output = self.output(command).await;
        let first = output.lines().next().unwrap_or_default();
        serde_json::from_str(first).unwrap_or_else(|error| panic!("{output}: {error}"))
    }

    async fn output(&self, mut command: Command) -> String {
        surroundings(&mut command, self.directory.path(), &self.ports);
        let output = tokio::process::Command::from(command).kill_on_drop(true).output().await;
        let output = output.expect("Debian's tools are installed");
        let [printed, complaint] =
            [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        assert!(output.status.success(), "{printed}{complaint}");
        printed
    }

    /// The server's process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Freezes the broker.
    pub fn stop(&self) {
        self.process.stop();
    }

    /// Wakes a frozen broker.
    pub fn resume(&self) {
        self.process.resume();
    }

    /// Kills the broker; what was declared in the last seconds may be lost, as in any crash.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Ends the broker in good order if it runs, and starts it again with the same ports and data.
    pub async fn restart(&mut self) {
        self.process.resume();
        self.process.terminate(Duration::from_secs(20)).await;
        self.process.restart();
        self.ready().await;
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}{path}", self.management_address());
        http::client().request(method, url).basic_auth(OPERATOR.0, Some(OPERATOR.1))
    }

    async fn ready(&mut self) {
        // Fails until the AMQP listener is there, which comes last.
        let url = format!("{}/api/health/checks/port-listener/{}", self.management_url(), self.ports.amqp);
        self.process.ready(async || http::answers(&url).await).await;
    }
}
