use ::mongodb::bson::spec::BinarySubtype;
use ::mongodb::bson::{
    Binary, Bson, Document, JavaScriptCodeWithScope, RawDocumentBuf, Regex, Timestamp, doc, rawdoc,
};
use proptest::prelude::*;

use super::length as length_of;
use super::*;

/// A document inside a document, and so on. The first level is the outermost.
fn nested(levels: usize) -> Vec<u8> {
    let mut bytes = vec![5, 0, 0, 0, 0];
    for _ in 1..levels {
        let length = u32::try_from(bytes.len() + 8).unwrap().to_le_bytes();
        bytes = [&length[..], b"\x03a\0", &bytes, b"\0"].concat();
    }
    bytes
}

/// The same, in linear time.
fn deep(levels: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 * levels);
    for level in (1..levels).rev() {
        bytes.extend(u32::try_from(5 + 8 * level).unwrap().to_le_bytes());
        bytes.extend(b"\x03a\0");
    }
    bytes.extend([5, 0, 0, 0, 0]);
    bytes.resize(bytes.len() + levels - 1, 0);
    bytes
}

fn bytes(document: &Document) -> Vec<u8> {
    document.to_vec().unwrap()
}

fn checked(value: &Document, asked: RequestKind) -> Result<(), MessageRefusal> {
    document(&bytes(value), asked)
}

#[test]
fn documents_are_at_most_as_deep_as_mongodb_allows() {
    assert_eq!(nested(300), deep(300));
    assert_eq!(document(&nested(MOST_LEVELS), RequestKind::Document), Ok(()));
    for levels in [MOST_LEVELS + 1, 1_200, 100_000] {
        for asked in [RequestKind::Greeting, RequestKind::Document, RequestKind::Batch] {
            if (asked, levels) != (RequestKind::Batch, MOST_LEVELS + 1) {
                assert_eq!(document(&deep(levels), asked), Err(MessageRefusal::TooDeep), "{levels}");
            }
        }
    }
}

#[test]
fn a_document_in_a_batch_may_be_as_deep_as_any() {
    let reply = |levels| {
        let deep = RawDocumentBuf::from_bytes(deep(levels)).unwrap();
        rawdoc! {"cursor": {"firstBatch": [deep], "id": 0, "ns": "a.b"}, "ok": 1}
    };
    assert_eq!(document(reply(MOST_LEVELS).as_bytes(), RequestKind::Batch), Ok(()));
    assert_eq!(document(reply(MOST_LEVELS + 1).as_bytes(), RequestKind::Batch), Err(MessageRefusal::TooDeep));
}

#[test]
fn a_scope_counts_as_a_level() {
    let mut value = Document::new();
    for _ in 0..MOST_LEVELS {
        value = doc! {"a": JavaScriptCodeWithScope { code: "x".to_owned(), scope: value }};
    }
    assert_eq!(checked(&value, RequestKind::Document), Err(MessageRefusal::TooDeep));
}

#[test]
fn lengths_have_to_fit() {
    let value = doc! {"a": {"b": "text"}, "c": [1, 2], "d": Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: vec![1, 2] })};
    let good = bytes(&value);
    assert_eq!(document(&good, RequestKind::Document), Ok(()));
    for at in 0..good.len() {
        assert!(document(&good[..at], RequestKind::Document).is_err(), "cut at {at}");
    }
    assert!(document(&[good.as_slice(), &[0]].concat(), RequestKind::Document).is_err());
    for at in [0, 7, 14] {
        for length in [0, 4, u32::MAX, 1 << 31, 1000] {
            let mut bad = good.clone();
            bad[at..at + 4].copy_from_slice(&length.to_le_bytes());
            assert!(document(&bad, RequestKind::Document).is_err(), "{length} at {at}");
        }
    }
}

#[test]
fn fields_are_counted_where_the_driver_decodes_them() {
    let many = vec![Bson::Null; MOST_FIELDS];
    let reply =
        |ok: i32| doc! {"cursor": {"firstBatch": [{"a": many.clone()}], "id": 0, "ns": "a.b"}, "ok": ok};
    assert_eq!(checked(&doc! {"a": &many}, RequestKind::Document), Err(MessageRefusal::TooManyFields));
    assert_eq!(checked(&doc! {"a": &many[1..]}, RequestKind::Document), Ok(()));
    assert_eq!(checked(&reply(1), RequestKind::Batch), Ok(()));
    assert_eq!(checked(&reply(0), RequestKind::Batch), Err(MessageRefusal::TooManyFields));
    assert_eq!(checked(&reply(1), RequestKind::Document), Err(MessageRefusal::TooManyFields));
    let batch = |documents: usize| {
        let documents = vec![Bson::Document(Document::new()); documents];
        doc! {"cursor": {"nextBatch": documents, "id": 0, "ns": "a.b"}, "ok": 1}
    };
    assert_eq!(checked(&batch(MOST_DOCUMENTS), RequestKind::Batch), Ok(()));
    assert_eq!(
        checked(&batch(MOST_DOCUMENTS + 1), RequestKind::Batch),
        Err(MessageRefusal::TooManyDocuments)
    );
    assert_eq!(checked(&doc! {"a": &many, "ok": 1}, RequestKind::Batch), Err(MessageRefusal::TooManyFields));
}

#[test]
fn a_greeting_begins_little() {
    let hosts = |count: usize| doc! {"hosts": (0..count).map(|host| format!("h{host}")).collect::<Vec<_>>()};
    assert_eq!(checked(&hosts(MOST_MEMBERS), RequestKind::Greeting), Ok(()));
    assert_eq!(checked(&hosts(MOST_MEMBERS + 1), RequestKind::Greeting), Err(MessageRefusal::TooManyMembers));
    for file in ["%2Frun%2Fother.sock", "/run/other.SOCK", "/run/other.soc\u{212a}"] {
        let greeting = doc! {"passives": [file]};
        assert_eq!(checked(&greeting, RequestKind::Greeting), Err(MessageRefusal::MemberIsFile), "{file}");
    }
    let demand = |payload: &str| {
        let payload = Binary { subtype: BinarySubtype::Generic, bytes: payload.into() };
        doc! {"speculativeAuthenticate": {"payload": payload}}
    };
    assert_eq!(checked(&demand("r=a,s=b,i=15000"), RequestKind::Greeting), Ok(()));
    for payload in ["r=a,s=b,i=4294967295", "r=a,s=b,i=+4294967295"] {
        assert_eq!(checked(&demand(payload), RequestKind::Greeting), Err(MessageRefusal::TooManyIterations));
    }
}

#[test]
fn a_message_is_one_document_of_bounded_size() {
    let length = |length: u32, asked| length_of(length.to_le_bytes(), asked);
    assert_eq!(length(38, RequestKind::Document), Ok(38));
    for no_length in [0, 15, 48_000_001, u32::MAX] {
        let refusal = length(no_length, RequestKind::Document).unwrap_err();
        assert_eq!(refusal.reason(RequestKind::Document), Reason::Protocol);
    }
    let refusal = length((20 << 20) + 1, RequestKind::Document).unwrap_err();
    assert_eq!(refusal.reason(RequestKind::Document), Reason::Query);
    let refusal = length(1 << 20, RequestKind::Greeting).unwrap_err();
    assert_eq!(refusal.reason(RequestKind::Greeting), Reason::Protocol);

    let message = |operation: u32, flags: u32, kind: u8, more: &[u8]| {
        let header = [0, 1, 2, operation, flags].into_iter().flat_map(u32::to_le_bytes);
        [&header.collect::<Vec<_>>()[..], &[kind], &bytes(&doc! {"ok": 1}), more].concat()
    };
    assert_eq!(check(&message(OP_MSG, 0, 0, b""), RequestKind::Document), Ok(()));
    assert_eq!(check(&message(OP_MSG, CHECKSUM_PRESENT, 0, b"sum!"), RequestKind::Document), Ok(()));
    for bad in [
        message(1, 0, 0, b""),
        message(2012, 0, 0, b""),
        message(OP_MSG, MORE_TO_COME, 0, b""),
        message(OP_MSG, 0, 1, b""),
        message(OP_MSG, 0, 0, b"sum!"),
        message(OP_MSG, 0, 0, b"")[..HEADER].to_vec(),
        message(OP_MSG, CHECKSUM_PRESENT, 0, b"")[..HEADER + 5].to_vec(),
    ] {
        assert!(matches!(check(&bad, RequestKind::Document), Err(MessageRefusal::Malformed(_))), "{bad:?}");
    }
}

#[test]
fn a_command_is_known_by_its_first_key() {
    let message = |command: Document| [&[0; HEADER + 5][..], &bytes(&command)].concat();
    assert_eq!(RequestKind::by(&message(doc! {"hello": 1})), RequestKind::Greeting);
    assert_eq!(RequestKind::by(&message(doc! {"saslStart": 1})), RequestKind::Greeting);
    assert_eq!(RequestKind::by(&message(doc! {"getMore": 1_i64})), RequestKind::Batch);
    assert_eq!(RequestKind::by(&message(doc! {"ping": 1, "aggregate": 1})), RequestKind::Document);
    assert_eq!(RequestKind::by(b"short"), RequestKind::Document);
}

/// Values of every type, at most `depth` documents deep.
fn value(depth: u32) -> impl Strategy<Value = Bson> {
    let leaf = prop_oneof![
        any::<f64>().prop_map(Bson::Double),
        any::<i32>().prop_map(Bson::Int32),
        any::<i64>().prop_map(Bson::Int64),
        any::<bool>().prop_map(Bson::Boolean),
        ".*".prop_map(Bson::String),
        ".*".prop_map(Bson::JavaScriptCode),
        ".*".prop_map(Bson::Symbol),
        Just(Bson::Null),
        Just(Bson::Undefined),
        Just(Bson::MinKey),
        Just(Bson::MaxKey),
        any::<[u8; 12]>().prop_map(|id| Bson::ObjectId(id.into())),
        any::<i64>().prop_map(|time| Bson::DateTime(::mongodb::bson::DateTime::from_millis(time))),
        any::<(u32, u32)>().prop_map(|(time, increment)| Bson::Timestamp(Timestamp { time, increment })),
        any::<[u8; 16]>().prop_map(|bytes| Bson::Decimal128(::mongodb::bson::Decimal128::from_bytes(bytes))),
        any::<Vec<u8>>().prop_map(|bytes| Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes })),
        any::<Vec<u8>>().prop_map(|bytes| Bson::Binary(Binary { subtype: BinarySubtype::BinaryOld, bytes })),
        "[a-z]*".prop_map(|pattern| Bson::RegularExpression(Regex {
            pattern: pattern.try_into().unwrap(),
            options: "i".to_owned().try_into().unwrap(),
        })),
    ];
    leaf.prop_recursive(depth, 64, 4, |inner| {
        let fields = prop::collection::vec(("[^\\x00]*", inner.clone()), 0..4);
        let fields = fields.prop_map(|fields| fields.into_iter().collect::<Document>());
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Bson::Array),
            fields.clone().prop_map(Bson::Document),
            (".*", fields).prop_map(|(code, scope)| {
                Bson::JavaScriptCodeWithScope(JavaScriptCodeWithScope { code, scope })
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_only_checked(bytes: Vec<u8>, head: [u8; 4]) {
        for asked in [RequestKind::Greeting, RequestKind::Document, RequestKind::Batch] {
            let _ = (check(&bytes, asked), document(&bytes, asked), length_of(head, asked));
        }
        RequestKind::by(&bytes);
    }

    /// It neither panics nor reads beyond the end.
    #[test]
    fn a_document_with_a_wrong_byte_is_only_checked(value in value(4), at: prop::sample::Index, byte: u8) {
        let mut bytes = bytes(&doc! {"a": value});
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = document(&bytes, RequestKind::Document);
    }

    #[test]
    fn what_bson_encodes_is_passed_on(value in value(6), levels in 1..MOST_LEVELS - 20) {
        let mut value = doc! {"a": value};
        for _ in 1..levels {
            value = doc! {"a": value};
        }
        prop_assert_eq!(checked(&value, RequestKind::Document), Ok(()));
    }
}
