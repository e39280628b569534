//! Several commands in one exchange. The driver sends a command when the last one is answered; the reader sends those of
//! an envelope back to back, and hands over their answers as the documents of a cursor.
//!
//! A server runs the commands of a connection one after another, so it does the same work as if they came one by one.

use std::time::Duration;

use ::mongodb::bson::{Document, RawArrayBuf, RawDocument, RawDocumentBuf, cstr, doc, rawdoc};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::message::{MessageProblem, answer, send};
use super::message_bounds::{HEADER, LARGEST_MESSAGE, MessageRefusal, RequestKind, section};

/// The command that is the envelope. No server has it.
const ENVELOPE: &str = "batchOfExporter";
const COMMANDS: &str = "commands";
const PATIENCE: &str = "patienceMS";
const DATABASE: &str = "$db";

const OP_MSG: [u8; 4] = 2013_u32.to_le_bytes();
/// No flags, and a section that is one document.
const ONE_DOCUMENT: [u8; 5] = [0; 5];

/// The envelope of commands, each with its database. Answers that take longer than `patience` are missing: the first
/// answers are those of the first commands.
pub(crate) fn envelope(
    commands: impl IntoIterator<Item = (String, Document)>,
    patience: Duration,
) -> Document {
    let commands: Vec<_> = commands
        .into_iter()
        .map(|(database, mut command)| {
            command.insert(DATABASE, database);
            command
        })
        .collect();
    let patience = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX);
    doc! {ENVELOPE: 1, COMMANDS: commands, PATIENCE: patience}
}

/// The commands of an envelope.
pub(super) struct Envelope {
    /// The number of the driver's message.
    id: [u8; 4],
    kinds: Vec<RequestKind>,
    /// The messages, back to back.
    messages: Vec<u8>,
    patience: Duration,
}

impl Envelope {
    /// What a message of the driver holds if it is an envelope.
    pub(super) fn of(message: &[u8]) -> Option<Self> {
        let envelope = RawDocument::from_bytes(message.get(HEADER + ONE_DOCUMENT.len()..)?).ok()?;
        // Its first key is the command; a declared query may have any others.
        envelope.iter().next()?.ok().filter(|(key, _)| **key == *ENVELOPE)?;
        let patience = envelope.get_i64(PATIENCE).ok()?;
        let patience = Duration::from_millis(u64::try_from(patience).ok()?);
        let id = message.get(4..8)?.try_into().ok()?;
        let mut batch = Self { id, kinds: Vec::new(), messages: Vec::new(), patience };
        for command in envelope.get_array(COMMANDS).ok()? {
            batch.add(command.ok()?.as_document()?.to_owned(), envelope)?;
        }
        Some(batch)
    }

    /// Adds a command, with what the driver adds to each: the session, the read preference and the like.
    fn add(&mut self, mut command: RawDocumentBuf, envelope: &RawDocument) -> Option<()> {
        for element in envelope {
            let (key, value) = element.ok()?;
            if ![ENVELOPE, COMMANDS, PATIENCE, DATABASE].contains(&key.as_str()) {
                command.append(key, value);
            }
        }
        let message = message(self.id, [0; 4], command.as_bytes());
        self.kinds.push(RequestKind::by(&message));
        self.messages.extend(message);
        Some(())
    }

    /// Sends the commands, and waits for their answers. Returns the driver's answer, and whether it has all of them.
    /// `None` if the connection ends.
    pub(super) async fn exchange(
        &self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Result<Option<(Vec<u8>, bool)>, MessageProblem> {
        let (mut answers, mut size) = (RawArrayBuf::new(), 0);
        let read = async {
            for &kind in &self.kinds {
                let Some(message) = answer(from, kind).await? else { return Ok(false) };
                size += message.len();
                let refused = |refusal| (refusal, kind);
                if size > LARGEST_MESSAGE {
                    return Err(refused(MessageRefusal::TooLarge(LARGEST_MESSAGE)));
                }
                let malformed = |_| refused(MessageRefusal::Malformed("a document that cannot be read"));
                answers
                    .push(RawDocument::from_bytes(section(&message).map_err(refused)?).map_err(malformed)?);
            }
            Ok(true)
        };
        // Side by side: a server that cannot send stops receiving.
        let both = async { tokio::join!(send(to, &self.messages), read).1 };
        let is_complete = match timeout(self.patience, both).await {
            Ok(read) if !read? => return Ok(None),
            in_time => in_time.is_ok(),
        };
        let mut cursor = rawdoc! {"id": 0_i64, "ns": "admin.$cmd"};
        cursor.append(cstr!("firstBatch"), answers);
        let reply = rawdoc! {"ok": 1.0, "cursor": cursor};
        Ok(Some((message([0; 4], self.id, reply.as_bytes()), is_complete)))
    }
}

/// A message with its number, and the number of the message that it answers.
fn message(id: [u8; 4], answers: [u8; 4], document: &[u8]) -> Vec<u8> {
    let length = HEADER + ONE_DOCUMENT.len() + document.len();
    // The driver's messages and the answers are limited to far less.
    let length = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    [&length[..], &id, &answers, &OP_MSG, &ONE_DOCUMENT, document].concat()
}

#[cfg(test)]
mod tests;
