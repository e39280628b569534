//! Signals to a process and all its descendants.

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill as send};
use nix::unistd::Pid;

use super::wait::PAUSE;

/// A killed process ends within this time, unless its disk hangs.
const END: Duration = Duration::from_secs(30);

/// Sends the signal to the process and to its descendants, and to those that they start meanwhile.
///
/// A signal to the process group would not do: the backends of PostgreSQL, for one, leave the group of their server.
pub(crate) fn signal(root: Pid, signal: Signal) -> BTreeSet<Pid> {
    let mut reached = BTreeSet::new();
    loop {
        let tree = descendants(root);
        let fresh: Vec<Pid> = tree.difference(&reached).copied().collect();
        if fresh.is_empty() {
            return reached;
        }
        for pid in fresh {
            // It may have ended since.
            let _ = send(pid, signal);
            reached.insert(pid);
        }
    }
}

/// Kills the process and its descendants, and waits until they have let go of their files and memory: PostgreSQL does not
/// start while a process of the one before has its memory.
pub(crate) fn kill(root: Pid) {
    // Frozen first: children of a dead parent belong to init, and could not be found any more.
    let tree = signal(root, Signal::SIGSTOP);
    for pid in &tree {
        let _ = send(*pid, Signal::SIGKILL);
    }
    let deadline = Instant::now() + END;
    while tree.iter().any(|pid| is_alive(*pid)) {
        assert!(Instant::now() < deadline, "{tree:?} do not end");
        thread::sleep(PAUSE);
    }
}

/// Whether a process is more than an entry that its parent has not looked at yet.
fn is_alive(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, fields)| !fields.starts_with(['Z', 'X']))
}

/// The process and its descendants.
pub(crate) fn descendants(root: Pid) -> BTreeSet<Pid> {
    let processes = processes();
    // Once a child was waited for, its id may belong to anyone.
    let is_ours = |process: &Entry| process.pid == root && process.parent == Pid::this();
    if !processes.iter().any(is_ours) {
        return BTreeSet::new();
    }
    let mut tree = BTreeSet::from([root]);
    let mut size = 0;
    while size < tree.len() {
        size = tree.len();
        for process in &processes {
            if tree.contains(&process.parent) || process.group == root {
                tree.insert(process.pid);
            }
        }
    }
    tree
}

struct Entry {
    pid: Pid,
    parent: Pid,
    group: Pid,
}

fn processes() -> Vec<Entry> {
    let entries = fs::read_dir("/proc").expect("Linux has /proc").flatten();
    entries.filter_map(|entry| parse(&fs::read_to_string(entry.path().join("stat")).ok()?)).collect()
}

fn parse(stat: &str) -> Option<Entry> {
    let pid = stat.split(' ').next()?.parse().ok()?;
    // The command's name stands in brackets, and may hold spaces and brackets itself.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(1).map(str::parse);
    let (parent, group) = (fields.next()?.ok()?, fields.next()?.ok()?);
    Some(Entry { pid: Pid::from_raw(pid), parent: Pid::from_raw(parent), group: Pid::from_raw(group) })
}
