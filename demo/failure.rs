//! `make demo-break`: a failure of the running demo, until Ctrl-C.
//!
//! The demo listens on a socket; a failure lasts as long as the connection that named it is open.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use testkit::failures::{self, Failure};
use testkit::platforms::Platforms;

const BEGUN: &str = "begun";
const ONGOING: &str = "ongoing";

fn socket() -> PathBuf {
    std::env::temp_dir().join("platform_exporter-demo.socket")
}

/// Causes failures of the running demo on demand, also several at a time, until dropped.
pub(crate) async fn on_demand(platforms: &Platforms) {
    // Left behind by a killed demo.
    let _ = std::fs::remove_file(socket());
    let listener = UnixListener::bind(socket()).expect("the directory is writable");
    let ongoing = RefCell::default();
    let mut connections = FuturesUnordered::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted.expect("a local connection");
                connections.push(while_open(platforms, stream, &ongoing));
            }
            // A client that disconnects must not end the demo.
            Some(_) = connections.next() => {}
        }
    }
}

async fn while_open(
    platforms: &Platforms,
    stream: UnixStream,
    ongoing: &RefCell<BTreeSet<&str>>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut name = String::new();
    stream.read_line(&mut name).await?;
    let Some(failure) = named(name.trim()) else { return Ok(()) };
    if !ongoing.borrow_mut().insert(failure.name) {
        return stream.write_all(format!("{ONGOING}\n").as_bytes()).await;
    }
    println!("==> {}", failure.cause);
    let closed = async {
        stream.write_all(format!("{BEGUN}\n").as_bytes()).await?;
        // The client sends nothing more; this waits until it disconnects.
        stream.read_u8().await
    };
    let _ = platforms.while_failing(failure, closed).await;
    ongoing.borrow_mut().remove(failure.name);
    println!("==> {name} is over", name = failure.name);
    Ok(())
}

fn named(name: &str) -> Option<&'static Failure> {
    failures::ALL.iter().find(|failure| failure.name == name)
}

/// Has a running demo fail in this way, until Ctrl-C.
pub(crate) async fn cause(name: &str) -> Result<(), String> {
    let failure = named(name).ok_or_else(|| format!("there is no failure `{name}`: {}", list()))?;
    let stream =
        UnixStream::connect(socket()).await.map_err(|_| "no demo is running: start one with `make demo`")?;
    let mut stream = BufReader::new(stream);
    let mut answer = String::new();
    let exchange = async {
        stream.write_all(format!("{name}\n").as_bytes()).await?;
        stream.read_line(&mut answer).await
    };
    exchange.await.map_err(|error| format!("no response from the demo: {error}"))?;
    match answer.trim() {
        BEGUN => {}
        ONGOING => return Err(format!("`{name}` has been caused already: Ctrl-C in its terminal ends it")),
        _ => return Err("the demo is an older one: restart it".to_owned()),
    }
    println!("{}.\nWatch {}.\nCtrl-C ends it.", failure.cause, failure.signs);
    tokio::signal::ctrl_c().await.map_err(|error| error.to_string())
}

/// What can be broken.
pub(crate) fn list() -> String {
    let failures: String = failures::ALL
        .iter()
        .map(|Failure { name, cause, .. }| format!("\n  make demo-break FAILURE={name:<14} {cause}"))
        .collect();
    format!("these can be caused while the demo runs:{failures}")
}
