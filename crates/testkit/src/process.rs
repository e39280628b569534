//! A server's process: its start, its end, and the signals that make it sick.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, geteuid};

use super::tree;
use super::wait::{PAUSE, eventually, until};

/// A server has started within this time, on a slow machine that runs many others too.
pub const START: Duration = Duration::from_secs(180);

/// A command that the kernel kills when the calling thread ends, so that nothing outlives a killed test run.
///
/// Panics when the program is not installed.
pub fn command(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(find(program.as_ref()));
    command
}

/// As [`command`], under another user's name when the tests run as root (some servers refuse to be root).
pub fn command_as(user: &str, program: impl AsRef<Path>) -> Command {
    if !geteuid().is_root() {
        return command(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--regid", user, "--init-groups", "--pdeathsig", "KILL", "--"]);
    command.arg(find(program.as_ref()));
    command
}

/// Gives a file or directory to the user of [`command_as`].
pub fn give_to(user: &str, path: &Path) {
    if !geteuid().is_root() {
        return;
    }
    let user = User::from_name(user).expect("the user database is readable");
    let user = user.expect("the server's package makes its user: run `make deps`");
    chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).expect("root may change owners");
}

/// Writes a file that only its owner may read: servers refuse keys that others could.
pub fn write_secret(path: &Path, content: &str) {
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(content.as_bytes())).expect("the directory is writable");
}

fn find(program: &Path) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Joining an absolute program to a directory gives the program.
    let found =
        std::env::split_paths(&path).map(|directory| directory.join(program)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{} is not installed: run `make deps`", program.display()))
}

/// A running server with all its children; dropping it ends them.
#[derive(Debug)]
pub struct Process {
    name: String,
    command: Command,
    child: Child,
    log: PathBuf,
    farewell: Option<Signal>,
}

impl Process {
    /// Starts the command in a process group of its own, with its output in `<name>.log` in the directory.
    ///
    /// To be called on the thread that is to own the process, see [`command`].
    pub fn spawn(name: &str, mut command: Command, directory: &Path) -> Self {
        let log = directory.join(format!("{name}.log"));
        let file =
            OpenOptions::new().create(true).append(true).open(&log).expect("the directory is writable");
        command.stdin(Stdio::null()).stdout(file.try_clone().expect("a second handle")).stderr(file);
        command.process_group(0);
        let child = command.spawn().expect("setpriv is part of every Debian");
        Self { name: name.to_owned(), command, child, log, farewell: None }
    }

    /// Lets the server tidy up what outlives its processes when it is ended: it gets this signal first.
    pub fn with_farewell(mut self, signal: Signal) -> Self {
        self.farewell = Some(signal);
        self
    }

    /// Waits until the server answers; panics with the end of its log when it exits or takes longer than [`START`].
    pub async fn ready(&mut self, mut answers: impl AsyncFnMut() -> bool) {
        let deadline = Instant::now() + START;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if tokio::time::timeout(left, answers()).await.unwrap_or(false) {
                return;
            }
            if let Some(status) = self.child.try_wait().expect("our own child") {
                panic!("{} ended at its start with {status}:\n{}", self.name, self.log_tail());
            }
            if Instant::now() >= deadline {
                panic!("{} does not answer within {START:?}:\n{}", self.name, self.log_tail());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Freezes the server: its sockets still accept, and nothing answers.
    pub fn stop(&self) {
        tree::signal(self.pid(), Signal::SIGSTOP);
    }

    /// Wakes a frozen server.
    pub fn resume(&self) {
        tree::signal(self.pid(), Signal::SIGCONT);
    }

    /// Kills the server and its children at once, as a crash does.
    pub fn kill(&mut self) {
        if !self.is_running() {
            return;
        }
        tree::kill(self.pid());
        self.child.wait().expect("our own child");
    }

    /// Asks the server to end, and waits until it has; panics when it does not within the timeout.
    pub async fn terminate(&mut self, timeout: Duration) {
        if self.is_running() {
            // It may end by itself meanwhile.
            let _ = kill(self.pid(), Signal::SIGTERM);
        }
        let what = format!("the end of {}", self.name);
        eventually(timeout, &what, async || !self.is_running()).await;
    }

    /// Waits until the server has ended by itself, and says how.
    pub async fn ended(&mut self, timeout: Duration) -> ExitStatus {
        let what = format!("the end of {}", self.name);
        until(timeout, &what, async || self.child.try_wait().expect("our own child")).await
    }

    /// Ends the server, and starts the same command again.
    pub fn restart(&mut self) {
        self.end();
        self.child = self.command.spawn().expect("it was started before");
    }

    /// Whether the server's main process is still there, frozen or not.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_none()
    }

    /// The id of the server's main process.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().expect("process ids are positive"))
    }

    /// The server's processes: the main one and its descendants.
    pub fn processes(&self) -> BTreeSet<Pid> {
        tree::descendants(self.pid())
    }

    /// The end of what the server printed.
    pub fn log_tail(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(4000)..]).into_owned()
    }

    fn end(&mut self) {
        if let Some(signal) = self.farewell
            && self.is_running()
        {
            self.resume();
            let _ = kill(self.pid(), signal);
            let deadline = Instant::now() + Duration::from_secs(2);
            while self.is_running() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        self.kill();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
