//! A thread of the sources that stops is seen from the thread that serves.

use std::fs;

use nix::sys::ptrace;
use nix::unistd::Pid;

use super::{PATIENCE, answers, status};
use testkit::exporter::Exporter;
use testkit::wait::eventually;
use testkit::web::{Web, reply};

/// The thread on which probes are started: the oldest of its name.
fn thread_of_the_sources(exporter: &Exporter) -> Pid {
    let tasks = fs::read_dir(format!("/proc/{}/task", exporter.pid())).unwrap();
    let ids = tasks.map(|task| task.unwrap().file_name().to_str().unwrap().parse::<i32>().unwrap());
    let is_of_sources = |id: &i32| {
        let name = fs::read_to_string(format!("/proc/{}/task/{id}/comm", exporter.pid()));
        name.is_ok_and(|name| name.trim_end() == "sources")
    };
    Pid::from_raw(ids.filter(is_of_sources).min().expect("the sources have a thread"))
}

#[tokio::test]
async fn that_stop_are_reported() {
    let page = Web::start(|_| reply(200, "fine")).await;
    let config = format!("sources: {{page: {{http: {{url: '{}'}}, interval: 1s}}}}\n", page.url("/"));
    let exporter = Exporter::start(&config).await;
    exporter.wait_for("platform_source_up{source=\"page\",kind=\"http\"}", 1.0, PATIENCE).await;
    assert_eq!(status(&exporter, "/-/healthy").await, 200);
    let thread = thread_of_the_sources(&exporter);
    ptrace::seize(thread, ptrace::Options::empty()).expect("one's own child can be traced");
    ptrace::interrupt(thread).unwrap();
    eventually(PATIENCE, "the exporter says that it is not healthy", async || {
        status(&exporter, "/-/healthy").await == 503
    })
    .await;
    let message = exporter.get("/-/healthy").await;
    assert!(message.contains("the scheduler has stalled"), "{message}");
    let metrics = answers(&exporter).await;
    assert!(metrics.contains("platform_clock_last_beat_timestamp_seconds"), "{metrics}");
    eventually(PATIENCE, "the log says so", async || exporter.log().contains("event=clocks.stopped")).await;
    nix::sys::wait::waitpid(thread, Some(nix::sys::wait::WaitPidFlag::__WALL)).unwrap();
    ptrace::detach(thread, None).unwrap();
    eventually(PATIENCE, "it is healthy again", async || status(&exporter, "/-/healthy").await == 200).await;
    eventually(PATIENCE, "the log says so", async || exporter.log().contains("event=clocks.recovered")).await;
}
