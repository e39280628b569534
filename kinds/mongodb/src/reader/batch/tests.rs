use tokio::io::{AsyncWriteExt, duplex, split};

use super::*;
use crate::reader::message::request;

/// What the driver makes of a command.
fn sent(command: &Document) -> Vec<u8> {
    let mut command = command.clone();
    command.extend(doc! {"lsid": {"id": 7}, "$db": "admin"});
    message([1, 2, 3, 4], [0; 4], &command.to_vec().unwrap())
}

fn document(message: &[u8]) -> Document {
    Document::from_reader(section(message).unwrap()).unwrap()
}

fn two_commands(patience: Duration) -> Envelope {
    let commands = ["a", "b"].map(|name| (name.to_owned(), doc! {"dbStats": 1}));
    Envelope::of(&sent(&envelope(commands, patience))).unwrap()
}

#[test]
fn only_the_exporter_sends_envelopes() {
    let of_exporter = envelope([("shop".to_owned(), doc! {"drop": "users"})], Duration::ZERO);
    assert!(Envelope::of(&sent(&of_exporter)).is_some());
    let mut declared = doc! {"ping": 1};
    declared.extend(of_exporter);
    assert!(Envelope::of(&sent(&declared)).is_none());
}

#[tokio::test]
async fn commands_are_sent_before_the_first_answer() {
    let (reader, mut server) = duplex(1 << 16);
    let (mut from, mut to) = split(reader);
    let serve = async {
        let commands = [request(&mut server).await.unwrap(), request(&mut server).await.unwrap()];
        for (command, database) in commands.iter().zip(["a", "b"]) {
            assert_eq!(document(command), doc! {"dbStats": 1, "$db": database, "lsid": {"id": 7}});
            server
                .write_all(&message([9; 4], [1, 2, 3, 4], &doc! {"db": database}.to_vec().unwrap()))
                .await
                .unwrap();
        }
    };
    let batch = two_commands(Duration::from_secs(60));
    let (answered, ()) = tokio::join!(batch.exchange(&mut from, &mut to), serve);
    let (answer, is_complete) = answered.unwrap().unwrap();
    assert!(is_complete);
    assert_eq!(answer[8..12], [1, 2, 3, 4], "it answers the driver's message");
    let batch = vec![doc! {"db": "a"}, doc! {"db": "b"}];
    let cursor = doc! {"id": 0_i64, "ns": "admin.$cmd", "firstBatch": batch};
    assert_eq!(document(&answer), doc! {"ok": 1.0, "cursor": cursor});
}

#[tokio::test]
async fn what_is_not_answered_in_time_is_missing() {
    let (reader, mut server) = duplex(1 << 16);
    let (mut from, mut to) = split(reader);
    server.write_all(&message([9; 4], [1, 2, 3, 4], &doc! {"db": "a"}.to_vec().unwrap())).await.unwrap();
    let answered = two_commands(Duration::from_millis(50)).exchange(&mut from, &mut to).await;
    let (answer, is_complete) = answered.unwrap().unwrap();
    assert!(!is_complete);
    let cursor = document(&answer).get_document("cursor").unwrap().clone();
    assert_eq!(cursor.get_array("firstBatch").unwrap().len(), 1);
    drop(server);
    let answered = two_commands(Duration::from_secs(60)).exchange(&mut from, &mut to).await;
    assert!(answered.unwrap().is_none(), "the connection has ended");
}

#[tokio::test]
async fn answers_are_limited_as_a_whole() {
    let (reader, mut server) = duplex(1 << 16);
    let (mut from, mut to) = split(reader);
    let large = message([9; 4], [1, 2, 3, 4], &doc! {"x": "x".repeat(11 << 20)}.to_vec().unwrap());
    let serve = async {
        // Until the reader stops reading.
        while server.write_all(&large).await.is_ok() {}
    };
    let batch = two_commands(Duration::from_secs(60));
    let exchange = async {
        let answered = batch.exchange(&mut from, &mut to).await;
        drop((from, to));
        answered
    };
    let (answered, ()) = tokio::join!(exchange, serve);
    assert_eq!(answered.unwrap_err().0, MessageRefusal::TooLarge(LARGEST_MESSAGE));
}
