//! Something that answers in place of a MongoDB server: by its protocol, and with what a test says.

use std::io;
use std::sync::Arc;

use mongodb::bson::{Document, doc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// The length of a message, its number, the number of the message that it answers, and the operation.
const HEADER: usize = 16;
const OP_MSG: u32 = 2013;

type Answer = Arc<dyn Fn(&str, &Document) -> Vec<u8> + Send + Sync>;

/// A server that ends on drop.
pub struct FakeMongodb {
    address: String,
    acceptor: JoinHandle<()>,
}

impl FakeMongodb {
    /// Listens on a free port. The answer to a command, which is given with its name, is a document or several.
    pub async fn start(answer: impl Fn(&str, &Document) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let answer: Answer = Arc::new(answer);
        let acceptor = tokio::spawn(async move {
            let mut clients = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                clients.spawn(serve(client, Arc::clone(&answer)));
            }
        });
        Self { address, acceptor }
    }

    /// A server that greets as it should, and answers every other command with this.
    pub async fn greeting_well(answer: Vec<u8>) -> Self {
        Self::start(move |command, _| if is_greeting(command) { bytes(&greeting()) } else { answer.clone() })
            .await
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for FakeMongodb {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

/// Whether a command asks who the server is.
pub fn is_greeting(command: &str) -> bool {
    ["hello", "isMaster", "ismaster"].contains(&command)
}

/// What a standalone server says of itself.
pub fn greeting() -> Document {
    doc! {
        "ok": 1,
        "isWritablePrimary": true,
        "helloOk": true,
        "maxBsonObjectSize": 16_777_216,
        "maxMessageSizeBytes": 48_000_000,
        "maxWriteBatchSize": 100_000,
        "minWireVersion": 0,
        "maxWireVersion": 17,
    }
}

/// A document on the wire.
pub fn bytes(document: &Document) -> Vec<u8> {
    document.to_vec().expect("it can be encoded")
}

/// A document inside a document, and so on, beside what makes it a good answer.
pub fn nested(levels: usize) -> Vec<u8> {
    let good = bytes(&greeting());
    let mut deep = Vec::with_capacity(8 * levels);
    for level in (1..levels).rev() {
        deep.extend_from_slice(&length(5 + 8 * (level - 1)));
        if level > 1 {
            deep.extend_from_slice(b"\x03a\0");
        }
    }
    deep.resize(5 + 8 * (levels - 2), 0);
    let fields = &good[4..good.len() - 1];
    let whole = length(good.len() + 3 + deep.len());
    [&whole[..], fields, b"\x03a\0", &deep, b"\0"].concat()
}

fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("a length").to_le_bytes()
}

async fn serve(mut client: TcpStream, answer: Answer) -> io::Result<()> {
    loop {
        let mut header = [0; HEADER];
        client.read_exact(&mut header).await?;
        let whole = u32::from_le_bytes(header[..4].try_into().expect("four bytes")) as usize;
        let mut request = vec![0; whole - HEADER];
        client.read_exact(&mut request).await?;
        // After the flags and the kind of the section.
        let command = Document::from_reader(&request[5..]).expect("a document");
        let name = command.keys().next().cloned().unwrap_or_default();
        let section = [&[0; 5][..], &answer(&name, &command)].concat();
        let reply = [&length(HEADER + section.len())[..], &[0; 4], &header[4..8], &OP_MSG.to_le_bytes()];
        client.write_all(&[&reply.concat(), &section[..]].concat()).await?;
    }
}
