//! A PostgreSQL server that answers what a test sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What it does with a text by the simple protocol.
pub enum Answer {
    /// Says that it is done.
    Done,
    /// Sends this, and waits for more.
    Bytes(Vec<u8>),
    /// Sends this again and again, as many times.
    Repeated(Vec<u8>, usize),
}

type Answering = dyn Fn(&str) -> Answer + Send + Sync;

/// A server on a port of its own, until the runtime of the test ends.
pub struct StandIn {
    address: String,
    clients: Arc<AtomicUsize>,
}

impl StandIn {
    /// Answers each text of the simple protocol; what a text asks by the extended protocol is done, without rows.
    pub async fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let (answer, clients): (Arc<Answering>, _) = (Arc::new(answer), Arc::<AtomicUsize>::default());
        let count = Arc::clone(&clients);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                // A client that leaves in the middle is what tests are about.
                tokio::spawn(serve(client, Arc::clone(&answer)));
            }
        });
        Self { address, clients }
    }

    /// Answers the fetching of declared rows in this way, and everything else without any.
    pub async fn fetching(answer: impl Fn() -> Answer + Send + Sync + 'static) -> Self {
        Self::start(move |sql| if sql.contains("FETCH FORWARD") { answer() } else { Answer::Done }).await
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("postgres://u@{}/d?sslmode=disable", self.address)
    }

    /// How many clients have come so far.
    pub fn clients(&self) -> usize {
        self.clients.load(Ordering::Relaxed)
    }
}

/// A message.
pub fn message(kind: u8, content: &[u8]) -> Vec<u8> {
    announced(kind, content, content.len())
}

/// A message that says that it has another length.
pub fn announced(kind: u8, content: &[u8], length: usize) -> Vec<u8> {
    let length = u32::try_from(length).expect("it fits").wrapping_add(4).to_be_bytes();
    [&[kind], &length[..], content].concat()
}

/// A description of columns of type text.
pub fn columns(names: &[String]) -> Vec<u8> {
    let mut content = u16::try_from(names.len()).expect("it fits").to_be_bytes().to_vec();
    for name in names {
        content.extend_from_slice(name.as_bytes());
        content.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 255, 255, 255, 255, 255, 255, 0, 0]);
    }
    message(b'T', &content)
}

/// A row of texts.
pub fn row(cells: &[&[u8]]) -> Vec<u8> {
    let mut content = u16::try_from(cells.len()).expect("it fits").to_be_bytes().to_vec();
    for cell in cells {
        content.extend_from_slice(&u32::try_from(cell.len()).expect("it fits").to_be_bytes());
        content.extend_from_slice(cell);
    }
    message(b'D', &content)
}

/// A message of fields, such as an error: each a letter and a text.
pub fn fields(kind: u8, fields: &[(char, &str)]) -> Vec<u8> {
    let text: String = fields.iter().map(|(letter, text)| format!("{letter}{text}\0")).collect();
    message(kind, format!("{text}\0").as_bytes())
}

/// The end of an answer.
pub fn done() -> Vec<u8> {
    [message(b'C', b"SELECT 1\0"), ready()].concat()
}

pub fn ready() -> Vec<u8> {
    message(b'Z', b"I")
}

pub fn parameter(name: &str, value: &str) -> Vec<u8> {
    message(b'S', format!("{name}\0{value}\0").as_bytes())
}

async fn serve(mut client: TcpStream, answer: Arc<Answering>) -> std::io::Result<()> {
    let length = client.read_u32().await?;
    client.read_exact(&mut vec![0; length as usize - 4]).await?;
    let greeting =
        [message(b'R', &[0; 4]), parameter("server_version", "15.0"), message(b'K', &[0; 8]), ready()];
    client.write_all(&greeting.concat()).await?;
    loop {
        let (kind, length) = (client.read_u8().await?, client.read_u32().await?);
        let mut content = vec![0; length as usize - 4];
        client.read_exact(&mut content).await?;
        let bytes = match kind {
            b'Q' => match answer(&String::from_utf8_lossy(&content)) {
                Answer::Done => done(),
                Answer::Bytes(bytes) => bytes,
                Answer::Repeated(bytes, times) => {
                    for _ in 0..times {
                        client.write_all(&bytes).await?;
                    }
                    continue;
                }
            },
            b'P' => message(b'1', b""),
            b'D' => [message(b't', &[0; 2]), message(b'n', b"")].concat(),
            b'B' => message(b'2', b""),
            b'E' => message(b'C', b"DECLARE CURSOR\0"),
            b'C' => message(b'3', b""),
            b'S' => ready(),
            _ => continue,
        };
        client.write_all(&bytes).await?;
    }
}
