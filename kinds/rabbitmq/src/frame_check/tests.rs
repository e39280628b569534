use proptest::prelude::*;

use super::*;

/// A method's frame on channel 0.
fn framed(class: u16, method: u16, arguments: &[u8]) -> Vec<u8> {
    let size = u32::try_from(arguments.len() + 4).expect("a test's frame");
    let head = [&[1, 0, 0], &size.to_be_bytes()[..], &class.to_be_bytes(), &method.to_be_bytes()].concat();
    [&head, arguments, &[END]].concat()
}

fn long_string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).expect("a test's string").to_be_bytes(), bytes].concat()
}

/// Connection.Start with this table as the broker's properties.
fn start(table: &[u8]) -> Vec<u8> {
    framed(
        10,
        10,
        &[&[0, 9], &long_string(table)[..], &long_string(b"PLAIN"), &long_string(b"en_US")].concat(),
    )
}

/// A field without a name that holds fields without names, so many levels deep.
fn nested(levels: usize, kind: u8) -> Vec<u8> {
    (0..levels).fold(Vec::new(), |inner, _| {
        let name: &[u8] = if kind == b'F' { &[0, kind] } else { &[kind] };
        [name, &long_string(&inner)].concat()
    })
}

fn is_good(frame: &[u8]) -> bool {
    check(frame) == Ok(Frame::Good(frame.len()))
}

/// What RabbitMQ 3.10 sends, shortened to one of each of its types.
fn real() -> Vec<u8> {
    let capabilities = b"\x12publisher_confirmst\x01\x12connection.blockedt\x01";
    start(&[b"\x0ccapabilitiesF", &long_string(capabilities)[..], b"\x07versionS\0\0\0\x063.10.8"].concat())
}

#[test]
fn the_frames_of_a_broker_are_good() {
    assert!(is_good(&real()));
    let answers = [(10, 30), (10, 41), (10, 50), (10, 51), (20, 11), (20, 40), (20, 41), (50, 11)];
    assert!(answers.iter().all(|&(class, method)| is_good(&framed(class, method, b"whatever"))));
    assert!(is_good(b"\x08\0\0\0\0\0\0\xce"));
    assert_eq!(check(b"AMQP\0\0\x09\x01"), Ok(Frame::Good(8)));
    let every_type =
        b"\x01atx\x01abx\x01aBx\x01asxx\x01aUxx\x01auxx\x01aIxxxx\x01aixxxx\x01afxxxx\x01aDxxxxx\
        \x01aLxxxxxxxx\x01alxxxxxxxx\x01adxxxxxxxx\x01aTxxxxxxxx\x01aS\0\0\0\x01x\x01ax\0\0\0\x01x\x01aV\
        \x01aF\0\0\0\0\x01aA\0\0\0\x02tx";
    assert!(is_good(&start(every_type)));
}

#[test]
fn a_frame_is_known_by_its_head_and_whole_at_its_end() {
    let frame = [real(), real()].concat();
    let whole = frame.len() / 2;
    for length in 0..frame.len() {
        let expected = if length < whole { Frame::Incomplete } else { Frame::Good(whole) };
        assert_eq!(check(&frame[..length]), Ok(expected), "{length} bytes");
    }
    assert_eq!(check(b"\x01\0\0\0\x10\0\0"), Err(MalformedFrame::TooLarge((1 << 20) + 8)));
    assert_eq!(check(b"\x08\0\0\xff\xff\xff\xff"), Err(MalformedFrame::TooLarge((1 << 32) + 7)));
    assert_eq!(check(b"\x08\0\0\0\0\0\0\xcd"), Err(MalformedFrame::NoEnd));
}

#[test]
fn tables_may_be_nested_to_a_depth() {
    for kind in [b'F', b'A'] {
        // The properties themselves are the first level. An array's fields have no names, so it is wrapped in one.
        let within = |levels| {
            if kind == b'A' { [&[0], &nested(levels, kind)[..]].concat() } else { nested(levels, kind) }
        };
        assert!(is_good(&start(&within(DEEPEST - 1))));
        assert_eq!(check(&start(&within(DEEPEST))), Err(MalformedFrame::TooDeep));
        assert_eq!(check(&start(&within(1300))), Err(MalformedFrame::TooDeep));
    }
}

#[test]
fn lengths_lie_within_their_parents() {
    let wrong: [&[u8]; 8] = [
        b"\x01",
        b"\x05abc",
        b"\x01aS\0\0\0\x02x",
        b"\x01aI\0\0\0",
        b"\x01aF\0\0\0\x01",
        b"\x01aF\xff\xff\xff\xff",
        b"\x01aF\0\0\0\x03\x01aS\0\0\0\0",
        b"\x01aA\0\0\0\x02Ixxxx",
    ];
    for table in wrong {
        assert_eq!(check(&start(table)), Err(MalformedFrame::Overrun), "{table:?}");
    }
    assert_eq!(check(&start(b"\x01aZ")), Err(MalformedFrame::UnknownType(b'Z')));
    assert_eq!(check(&framed(10, 10, b"\0")), Err(MalformedFrame::Overrun));
    assert_eq!(check(&framed(10, 10, b"\0\x09\xff\xff\xff\xff")), Err(MalformedFrame::Overrun));
    assert_eq!(check(b"\x01\0\0\0\0\0\x01x\xce"), Err(MalformedFrame::Overrun));
}

#[test]
fn what_nobody_asked_for_is_not_passed_on() {
    let blocked = framed(10, 60, b"\x06memory");
    assert_eq!(check(&blocked), Ok(Frame::Needless(blocked.len())));
    // Connection.Secure, Channel.Flow, Basic.Deliver and Return, Confirm.Select-Ok.
    for (class, method) in [(10, 20), (20, 20), (60, 60), (60, 50), (85, 11)] {
        assert_eq!(check(&framed(class, method, b"")), Err(MalformedFrame::Unasked(class, method)));
    }
    assert_eq!(check(b"\x02"), Err(MalformedFrame::Content));
    assert_eq!(check(b"\x03"), Err(MalformedFrame::Content));
    for other in [&b"HTTP/1.1 400"[..], b"-ERR", b"AMQX", b"\x15\x03\x03", b"\0"] {
        assert_eq!(check(other), Err(MalformedFrame::NotAmqp));
    }
}

proptest! {
    #[test]
    fn nothing_panics_or_ends_beyond_its_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        for bytes in [bytes.clone(), framed(10, 10, &bytes), start(&bytes)] {
            if let Ok(Frame::Good(length) | Frame::Needless(length)) = check(&bytes) {
                prop_assert!(length > 0 && length <= bytes.len());
            }
        }
    }

    /// What passes here, the driver's own parser reads: no broker that the driver takes is refused for its tables.
    #[test]
    fn tables_of_any_shape_are_good(table in any_table(4)) {
        prop_assert!(is_good(&start(&table)));
    }

    #[test]
    fn deep_tables_are_refused_wherever_they_are(before in any_table(2), levels in DEEPEST..600) {
        let table = [before, nested(levels, b'F')].concat();
        prop_assert_eq!(check(&start(&table)), Err(MalformedFrame::TooDeep));
    }
}

/// The fields of a table.
fn any_table(depth: u32) -> BoxedStrategy<Vec<u8>> {
    let name = prop::collection::vec(any::<u8>(), 0..8)
        .prop_map(|name| [&[u8::try_from(name.len()).expect("it is short")], &name[..]].concat());
    let fields = prop::collection::vec((name, any_field(depth)), 0..4);
    fields
        .prop_map(|fields| fields.into_iter().flat_map(|(name, field)| [name, field].concat()).collect())
        .boxed()
}

/// A field without its name.
fn any_field(depth: u32) -> BoxedStrategy<Vec<u8>> {
    let plain = prop_oneof![
        any::<i64>().prop_map(|number| [&b"l"[..], &number.to_be_bytes()].concat()),
        any::<bool>().prop_map(|flag| vec![b't', flag.into()]),
        prop::collection::vec(any::<u8>(), 0..16)
            .prop_map(|bytes| [&b"S"[..], &long_string(&bytes)].concat()),
    ];
    if depth == 0 {
        return plain.boxed();
    }
    let array = prop::collection::vec(any_field(depth - 1), 0..3);
    prop_oneof![
        plain,
        any_table(depth - 1).prop_map(|table| [&b"F"[..], &long_string(&table)].concat()),
        array.prop_map(|fields| [&b"A"[..], &long_string(&fields.concat())].concat()),
    ]
    .boxed()
}
