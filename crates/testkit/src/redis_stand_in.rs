//! A Redis server that answers what a test sets.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

type Answer = dyn Fn(&[String]) -> Vec<u8> + Send + Sync;

/// A server on a port of its own, until the runtime of the test ends.
pub struct StandIn {
    address: String,
}

impl StandIn {
    /// Answers each command, given by its words, with these bytes; what a login needs is answered without them.
    pub async fn start(answer: impl Fn(&[String]) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let answer: Arc<Answer> = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, Arc::clone(&answer)));
            }
        });
        Self { address }
    }

    /// A server that answers one command with these bytes, and is otherwise a Redis server without anything.
    pub async fn answering(command: &'static str, bytes: Vec<u8>) -> Self {
        Self::start(move |words| match words[0].as_str() {
            name if name == command => bytes.clone(),
            "INFO" => b"$21\r\nredis_version:7.0.0\r\n\r\n".to_vec(),
            "DBSIZE" => b":1\r\n".to_vec(),
            "AUTH" | "SELECT" | "PING" => b"+OK\r\n".to_vec(),
            _ => b"-ERR unknown command\r\n".to_vec(),
        })
        .await
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }
}

async fn serve(mut client: TcpStream, answer: Arc<Answer>) {
    let mut received = Vec::new();
    while client.read_buf(&mut received).await.is_ok_and(|length| length > 0) {
        while let Some((words, length)) = command(&received) {
            received.drain(..length);
            let bytes = match words[0].as_str() {
                "CLIENT" if words[1] == "SETNAME" => b"+OK\r\n".to_vec(),
                _ => answer(&words),
            };
            if client.write_all(&bytes).await.is_err() {
                return;
            }
        }
    }
}

/// The first whole command, and how many bytes it has. Words have no line breaks here.
fn command(received: &[u8]) -> Option<(Vec<String>, usize)> {
    let text = std::str::from_utf8(received).ok()?;
    let mut lines = text.split_inclusive("\r\n");
    let first = lines.next().filter(|line| line.ends_with("\r\n"))?;
    let count: usize = first.trim_end().strip_prefix('*')?.parse().ok()?;
    let rest: Vec<&str> = lines.take(2 * count).collect();
    let is_whole = rest.len() == 2 * count && rest.iter().all(|line| line.ends_with("\r\n"));
    let length = first.len() + rest.iter().map(|line| line.len()).sum::<usize>();
    let words = rest.iter().skip(1).step_by(2).map(|word| word.trim_end().to_owned());
    is_whole.then(|| (words.collect(), length))
}
