//! A name server in process, for an exporter that is started with it as its resolver.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// What is said about a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// It has this address.
    Address(Ipv4Addr),
    /// Whoever asks for it gets no answer.
    Silence,
}

type Entries = Arc<Mutex<BTreeMap<String, Entry>>>;

/// A name server. A name that it does not know does not exist.
#[derive(Debug)]
pub(crate) struct Dns {
    address: Ipv4Addr,
    entries: Entries,
    task: JoinHandle<()>,
}

impl Dns {
    /// Listens on port 53 of a free address of this machine: resolvers know no other port.
    pub(crate) async fn start() -> Self {
        let (address, socket) = loop {
            let address = Ipv4Addr::new(127, 53, fastrand::u8(..), fastrand::u8(1..255));
            match UdpSocket::bind((address, 53)).await {
                Ok(socket) => break (address, socket),
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                Err(error) => panic!(
                    "{error}: a name server needs port 53; run the tests as root, or \
                     `sysctl net.ipv4.ip_unprivileged_port_start=53`"
                ),
            }
        };
        let entries = Entries::default();
        let task = tokio::spawn(serve(socket, Arc::clone(&entries)));
        Self { address, entries, task }
    }

    /// Its own address.
    pub(crate) fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Says something else about a name from now on.
    pub(crate) fn set(&self, name: &str, entry: Entry) {
        self.entries.lock().expect("nobody panics").insert(name.to_owned(), entry);
    }

    /// Forgets a name.
    pub(crate) fn remove(&self, name: &str) {
        self.entries.lock().expect("nobody panics").remove(name);
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: UdpSocket, entries: Entries) {
    let mut buffer = [0; 512];
    loop {
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else { continue };
        let Some((name, end)) = question(&buffer[..length]) else { continue };
        let entry = entries.lock().expect("nobody panics").get(&name).copied();
        if entry != Some(Entry::Silence) {
            // Whoever asked may have left.
            let _ = socket.send_to(&answer(&buffer[..end], entry), client).await;
        }
    }
}

/// The name that is asked for, and where the question ends.
fn question(query: &[u8]) -> Option<(String, usize)> {
    let (mut labels, mut at) = (Vec::new(), 12);
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            // Type and class follow.
            return (at + 4 <= query.len()).then(|| (labels.join("."), at + 4));
        }
        labels.push(String::from_utf8_lossy(query.get(at..at + length)?).into_owned());
        at += length;
    }
}

/// The answer to a query that ends with its question.
fn answer(query: &[u8], entry: Option<Entry>) -> Vec<u8> {
    let asks_for_ipv4 = query[query.len() - 4..] == [0, 1, 0, 1];
    let address = match entry {
        Some(Entry::Address(address)) if asks_for_ipv4 => Some(address),
        _ => None,
    };
    let code = if entry.is_none() { 3 } else { 0 };
    // A response, recursion desired and available, and its code; one question, and one answer or none.
    let mut answer =
        [&query[..2], &[0x81, 0x80 | code, 0, 1, 0, address.is_some().into(), 0, 0, 0, 0]].concat();
    answer.extend_from_slice(&query[12..]);
    if let Some(address) = address {
        // The name of the question, an IPv4 address of the Internet, not to be kept, four bytes long.
        answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        answer.extend_from_slice(&address.octets());
    }
    answer
}
