//! A name server that knows a few records, and nothing else.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, SRV, TXT};
use hickory_proto::rr::{Name, RData, Record};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// A name server; it ends on drop.
#[derive(Debug)]
pub(crate) struct Dns(JoinHandle<()>);

/// What it knows, by name.
#[derive(Debug, Default)]
pub(crate) struct Zone(BTreeMap<Name, Vec<RData>>);

impl Zone {
    /// A host.
    pub(crate) fn host(self, name: &str, address: Ipv4Addr) -> Self {
        self.with(name, RData::A(A(address)))
    }

    /// Where a service is.
    pub(crate) fn service(self, name: &str, host: &str, port: u16) -> Self {
        let host = Name::from_ascii(host).expect("a name");
        self.with(name, RData::SRV(SRV::new(0, 0, port, host)))
    }

    /// A text.
    pub(crate) fn text(self, name: &str, text: &str) -> Self {
        self.with(name, RData::TXT(TXT::new(vec![text.to_owned()])))
    }

    fn with(mut self, name: &str, data: RData) -> Self {
        self.0.entry(Name::from_ascii(name).expect("a name")).or_default().push(data);
        self
    }

    fn answer(&self, question: &Message) -> Message {
        let mut answer = Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
        answer.metadata.recursion_available = true;
        for query in &question.queries {
            answer.add_query(query.clone());
            let Some(known) = self.0.get(&query.name().to_lowercase()) else {
                answer.metadata.response_code = ResponseCode::NXDomain;
                continue;
            };
            let asked = known.iter().filter(|data| data.record_type() == query.query_type());
            answer.add_answers(asked.map(|data| Record::from_rdata(query.name().clone(), 60, data.clone())));
        }
        answer
    }
}

impl Dns {
    /// Serves a zone where every resolver looks.
    pub(crate) async fn start(zone: Zone) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:53").await.expect("a network of our own");
        Self(tokio::spawn(serve(socket, zone)))
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn serve(socket: UdpSocket, zone: Zone) {
    let mut buffer = [0; 4096];
    while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
        let question = Message::from_vec(&buffer[..length]).expect("a resolver's question");
        let answer = zone.answer(&question).to_vec().expect("it is short");
        socket.send_to(&answer, client).await.expect("it is on this machine");
    }
}
