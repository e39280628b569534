//! A network and a file system of one's own, for addresses and files of which a machine has only one.

use std::path::Path;
use std::process::Command;

use nix::unistd::geteuid;

use super::process::command;

/// Shows that this is the run inside.
const INSIDE: &str = "PLATFORM_EXPORTER_TEST_INSIDE";

/// A command in namespaces of its own, given as flags of `unshare`, after these commands of a shell there; the program is
/// its first argument.
///
/// It takes root, or a kernel that gives user namespaces to everybody.
pub(crate) fn command_inside(namespaces: &[&str], commands: &str) -> Command {
    let mut command = command("unshare");
    if !geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(namespaces).args(["sh", "-c", &format!("set -e; {commands}; exec \"$0\" \"$@\"")]);
    command
}

/// Runs a test of this binary again in namespaces of its own, after these commands of a shell; `true` is for the run
/// inside. `test` is its whole name.
///
/// # Panics
/// When the run inside fails, or where namespaces cannot be made.
pub fn inside(test: &str, commands: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let mut command = command_inside(&["--net", "--mount"], &format!("ip link set lo up; {commands}"));
    command.arg(std::env::current_exe().expect("we run")).args(["--exact", "--nocapture", test]);
    let output = command.env(INSIDE, "1").output().expect("setpriv is part of every Debian");
    let reported =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && reported.contains("1 passed"),
        "inside of namespaces, which need iproute2, and root or a kernel that lets everybody make them \
         (kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns): {reported}"
    );
    false
}

/// Commands that give this machine an address more.
pub fn address(address: &str) -> String {
    format!("ip address add {address}/32 dev lo")
}

/// Commands that make a file stand in the place of another.
pub fn instead_of(place: &str, file: &Path) -> String {
    format!("mount --bind '{}' {place}", file.display())
}
