//! The programs of RabbitMQ, past the wrappers of its package.

use std::path::Path;
use std::process::Command;

use crate::ports::Port;
use crate::process::command;

/// Past Debian's wrapper, which insists on the user `rabbitmq` and on the system's directories.
const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// Where its tools are, past the same wrapper.
pub(super) const TOOLS: &str = "/usr/lib/rabbitmq/bin";

#[derive(Debug)]
pub(super) struct Ports {
    pub(super) amqp: Port,
    pub(super) management: Port,
    pub(super) distribution: Port,
    pub(super) names: Port,
}

impl Ports {
    pub(super) fn free() -> Self {
        Self { amqp: Port::free(), management: Port::free(), distribution: Port::free(), names: Port::free() }
    }
}

/// A program of RabbitMQ: that of the system below `TEST_RABBITMQ_ROOT` if that is set.
pub(super) fn program(path: &str) -> Command {
    match std::env::var_os("TEST_RABBITMQ_ROOT") {
        Some(root) => {
            let mut command = command("chroot");
            // Its directory is in both systems; `chroot` begins at the root.
            command.arg(root).args(["sh", "-c", "cd \"$HOME\" && exec \"$@\"", "sh", path]);
            command
        }
        None => command(path),
    }
}

pub(super) fn server(directory: &Path, ports: &Ports) -> Command {
    let mut command = program(SERVER);
    surroundings(&mut command, directory, ports);
    // Makes the script become the server, which would otherwise survive the script.
    command.env("RUNNING_UNDER_SYSTEMD", "true");
    let arguments =
        "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}";
    command.env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", arguments);
    command
}

pub(super) fn node(ports: &Ports) -> String {
    format!("test{}@localhost", ports.amqp)
}

/// What the broker and its tools have to know to find each other.
pub(super) fn surroundings(command: &mut Command, directory: &Path, ports: &Ports) {
    let set = |command: &mut Command, name: &str, file: &str| {
        command.env(name, directory.join(file));
    };
    set(command, "HOME", "");
    set(command, "RABBITMQ_MNESIA_BASE", "mnesia");
    set(command, "RABBITMQ_LOG_BASE", "log");
    set(command, "RABBITMQ_GENERATED_CONFIG_DIR", "generated");
    set(command, "RABBITMQ_PID_FILE", "pid");
    set(command, "RABBITMQ_ENABLED_PLUGINS_FILE", "plugins");
    set(command, "RABBITMQ_CONFIG_FILE", "rabbitmq.conf");
    set(command, "RABBITMQ_ADVANCED_CONFIG_FILE", "advanced.config");
    command.env("RABBITMQ_CONF_ENV_FILE", "/dev/null");
    command.env("RABBITMQ_NODENAME", node(ports));
    command.env("RABBITMQ_DIST_PORT", ports.distribution.to_string());
    command.env("ERL_EPMD_PORT", ports.names.to_string());
    command.env("ERL_EPMD_ADDRESS", "127.0.0.1");
    command.env("LC_ALL", "C.UTF-8");
    command.current_dir(directory);
}
