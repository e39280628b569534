//! The official Python client, driven from a test.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use testkit::stripe::StripeServer;
use testkit::{dependency, root};

/// `client.py` at work on a stand-in.
pub(super) struct Client {
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Client {
    /// Starts it against a server.
    pub(super) fn start(server: &StripeServer) -> Self {
        let python = dependency("venv/bin/python");
        assert!(python.exists(), "{} is missing: run `make deps`", python.display());
        let mut process = Command::new(python)
            .arg(root().join("tests/it/kit/stripe/client.py"))
            .arg(server.url())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("python starts");
        let orders = process.stdin.take().expect("piped");
        let answers = BufReader::new(process.stdout.take().expect("piped")).lines();
        Self { orders, answers, _process: process }
    }

    /// The answer to one order.
    pub(super) async fn ask(&mut self, order: Value) -> Value {
        self.orders.write_all(format!("{order}\n").as_bytes()).await.expect("python reads orders");
        let answer = self.answers.next_line().await.expect("python answers");
        let answer = answer.expect("python has the stripe client: if not, run `make deps`");
        serde_json::from_str(&answer).expect("python answers in JSON")
    }

    /// The `field` of every object of a list, all pages.
    pub(super) async fn list(&mut self, key: &str, what: &str, params: Value, field: &str) -> Vec<String> {
        let answer = self.ask(json!({"key": key, "list": what, "params": params})).await;
        let data = answer["data"].as_array().unwrap_or_else(|| panic!("a list of {what}, not {answer}"));
        data.iter().map(|item| item[field].as_str().expect("a text field").to_owned()).collect()
    }

    /// The answer to one plain request.
    pub(super) async fn plain(&mut self, path: &str, headers: Value) -> Value {
        self.ask(json!({"path": path, "headers": headers})).await
    }
}
