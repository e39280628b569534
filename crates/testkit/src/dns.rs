//! A name server in process, for whoever is started with it as the resolver.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind};
use std::net::Ipv4Addr;
use std::sync::Arc;

use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, SRV, TXT};
use hickory_proto::rr::{Name, RData, Record};
use parking_lot::Mutex;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// What is said about a name.
#[derive(Clone, Debug)]
pub enum Entry {
    /// It has this record.
    Has(RData),
    /// Whoever asks for it gets no answer.
    Silence,
}

impl Entry {
    /// The address of a host.
    pub fn address(address: Ipv4Addr) -> Self {
        Self::Has(RData::A(A(address)))
    }

    /// Where a service is.
    pub fn service(host: &str, port: u16) -> Self {
        Self::Has(RData::SRV(SRV::new(0, 0, port, name(host))))
    }

    /// A text.
    pub fn text(text: &str) -> Self {
        Self::Has(RData::TXT(TXT::new(vec![text.to_owned()])))
    }
}

type Entries = Arc<Mutex<BTreeMap<Name, Entry>>>;

/// A name server; it ends on drop. A name that it does not know does not exist.
#[derive(Debug)]
pub struct Dns {
    address: Ipv4Addr,
    entries: Entries,
    task: JoinHandle<()>,
}

impl Dns {
    /// Listens on a free address of this machine.
    pub async fn start() -> Self {
        loop {
            let address = Ipv4Addr::new(127, 53, fastrand::u8(..), fastrand::u8(1..255));
            match Self::start_at(address).await {
                Ok(dns) => return dns,
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                Err(error) => panic!(
                    "{error}: a name server needs port 53; run the tests as root, or \
                     `sysctl net.ipv4.ip_unprivileged_port_start=53`"
                ),
            }
        }
    }

    /// Listens on port 53 of an address: resolvers know no other port.
    pub async fn start_at(address: Ipv4Addr) -> Result<Self, Error> {
        let socket = UdpSocket::bind((address, 53)).await?;
        let entries = Entries::default();
        let task = tokio::spawn(serve(socket, Arc::clone(&entries)));
        Ok(Self { address, entries, task })
    }

    /// Its own address.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Says something else about a name from now on.
    pub fn set(&self, of: &str, entry: Entry) {
        self.entries.lock().insert(name(of), entry);
    }

    /// Forgets a name.
    pub fn remove(&self, of: &str) {
        self.entries.lock().remove(&name(of));
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).expect("a name");
    name.set_fqdn(true);
    name
}

async fn serve(socket: UdpSocket, entries: Entries) {
    let mut buffer = [0; 4096];
    loop {
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else { continue };
        let Ok(question) = Message::from_vec(&buffer[..length]) else { continue };
        let answer = answer(&question, &entries.lock());
        if let Some(answer) = answer {
            // Whoever asked may have left.
            let _ = socket.send_to(&answer.to_vec().expect("it is short"), client).await;
        }
    }
}

fn answer(question: &Message, entries: &BTreeMap<Name, Entry>) -> Option<Message> {
    let mut answer = Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
    answer.metadata.recursion_available = true;
    for query in &question.queries {
        answer.add_query(query.clone());
        match entries.get(&query.name().to_lowercase()) {
            None => answer.metadata.response_code = ResponseCode::NXDomain,
            Some(Entry::Silence) => return None,
            Some(Entry::Has(data)) if data.record_type() == query.query_type() => {
                // Not to be kept.
                answer.add_answer(Record::from_rdata(query.name().clone(), 0, data.clone()));
            }
            Some(Entry::Has(_)) => {}
        }
    }
    Some(answer)
}
