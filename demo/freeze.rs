//! `make demo-break`: freezes a service of the running demo until Ctrl-C.
//!
//! The demo listens on a socket; a service stays frozen as long as the connection that named it is open.

use std::path::PathBuf;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use testkit::mongodb::Mongodb;
use testkit::platform::Platform;
use testkit::postgres::Postgres;
use testkit::rabbitmq::Rabbitmq;
use testkit::redis::Redis;
use testkit::sts::Sts;

/// A service that can be frozen.
trait Freeze {
    fn stop(&self);
    fn resume(&self);
}

macro_rules! freeze {
    ($($server:ty),*) => {
        $(impl Freeze for $server {
            fn stop(&self) {
                self.stop();
            }

            fn resume(&self) {
                self.resume();
            }
        })*
    };
}

freeze!(Postgres, Mongodb, Redis, Rabbitmq, Sts);

/// The services that run as separate processes.
fn freezable(platform: &Platform) -> [(&'static str, &dyn Freeze); 5] {
    [
        ("postgres", &platform.postgres),
        ("mongodb", &platform.mongodb),
        ("redis", &platform.redis),
        ("rabbitmq", &platform.rabbitmq),
        ("sts", &platform.sts),
    ]
}

fn socket() -> PathBuf {
    std::env::temp_dir().join("platform_exporter-demo.socket")
}

/// Freezes services of the running demo on demand, until dropped.
pub(crate) async fn on_demand(platform: &Platform) {
    // Left behind by a killed demo.
    let _ = std::fs::remove_file(socket());
    let listener = UnixListener::bind(socket()).expect("the directory is writable");
    loop {
        let (stream, _) = listener.accept().await.expect("a local connection");
        // A client that disconnects must not end the demo.
        let _ = frozen_while_open(platform, stream).await;
    }
}

async fn frozen_while_open(platform: &Platform, stream: UnixStream) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut name = String::new();
    stream.read_line(&mut name).await?;
    let name = name.trim();
    let freezable = freezable(platform);
    let Some((_, service)) = freezable.iter().find(|(known, _)| *known == name) else {
        let names: Vec<_> = freezable.iter().map(|(name, _)| *name).collect();
        return stream.write_all(format!("SOURCE must be one of {}.\n", names.join(", ")).as_bytes()).await;
    };
    service.stop();
    println!("==> {name} is frozen");
    let sent = stream.write_all(b"frozen\n").await;
    // The client sends nothing more; this waits until it disconnects.
    let _ = stream.read_u8().await;
    service.resume();
    println!("==> {name} resumed");
    sent
}

/// Asks a running demo to freeze a service, until Ctrl-C.
pub(crate) async fn freeze(name: &str) -> Result<(), String> {
    let stream =
        UnixStream::connect(socket()).await.map_err(|_| "no demo is running: start one with `make demo`")?;
    let mut stream = BufReader::new(stream);
    let mut answer = String::new();
    let exchange = async {
        stream.write_all(format!("{name}\n").as_bytes()).await?;
        stream.read_line(&mut answer).await
    };
    exchange.await.map_err(|error| format!("no response from the demo: {error}"))?;
    if answer.trim() != "frozen" {
        return Err(answer.trim().to_owned());
    }
    println!(
        "{name} is frozen. Watch its card on the status page, and the alert after about 80 s. Ctrl-C resumes it."
    );
    tokio::signal::ctrl_c().await.map_err(|error| error.to_string())
}
