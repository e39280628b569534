use proptest::prelude::*;

use super::*;

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a test's message").to_be_bytes();
    [&[kind], &length[..], body].concat()
}

/// Columns of type text.
fn columns(names: &[&str]) -> Vec<u8> {
    let fields = names.iter().flat_map(|name| [name.as_bytes(), &[0; 19]].concat());
    let count = u16::try_from(names.len()).expect("a test's columns").to_be_bytes();
    message(b'T', &count.into_iter().chain(fields).collect::<Vec<_>>())
}

fn row(cells: &[Option<&[u8]>]) -> Vec<u8> {
    let mut body = u16::try_from(cells.len()).expect("a test's row").to_be_bytes().to_vec();
    for cell in cells {
        let length = cell.map_or(-1, |cell| i32::try_from(cell.len()).expect("a test's cell"));
        body.extend_from_slice(&length.to_be_bytes());
        body.extend_from_slice(cell.unwrap_or_default());
    }
    message(b'D', &body)
}

/// What a server sends to a client that logs in, reads rows and gets an error.
fn real() -> Vec<u8> {
    [
        message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"),
        message(b'R', b"\0\0\0\x0br=abc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
        message(b'R', b"\0\0\0\x0cv=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="),
        message(b'R', &[0; 4]),
        message(b'S', b"server_version\x0018.0\0"),
        message(b'K', &[1; 8]),
        message(b'Z', b"I"),
        message(b'1', b""),
        message(b't', &[0, 1, 0, 0, 0, 25]),
        message(b'n', b""),
        columns(&["name", "value", "nothing"]),
        row(&[Some(b"orders"), Some(b"1"), None]),
        row(&[Some(b""), Some(&[b'x'; 300]), None]),
        message(b'C', b"SELECT 2\0"),
        columns(&[]),
        row(&[]),
        message(b'N', b"SNOTICE\0Mhello\0\0"),
        message(b'E', b"SERROR\0C42601\0Msyntax error\0\0"),
        message(b'Z', b"E"),
    ]
    .concat()
}

fn check(bytes: &[u8]) -> Result<(), MalformedMessage> {
    Messages::default().check(bytes)
}

/// What comes after the columns `a` and `b` have been described.
fn check_rows(rows: &[u8]) -> Result<(), MalformedMessage> {
    check(&[&columns(&["a", "b"]), rows].concat())
}

#[test]
fn what_servers_send_passes() {
    assert_eq!(check(&real()), Ok(()));
}

#[test]
fn a_length_is_at_least_its_own() {
    for length in 0..4 {
        for kind in b"DTERSZ" {
            assert_eq!(check(&[*kind, 0, 0, 0, length]), Err(MalformedMessage::Length((*kind).into())));
        }
    }
    for (kind, body) in [
        (b'Z', &b""[..]),
        (b'K', &[0; 7]),
        (b'A', &[0; 3]),
        (b't', &[0, 2, 0, 0, 0, 0]),
        (b't', &[0]),
        (b'1', b"x"),
        (b'K', &[0; LONGEST_WHOLE + 1]),
    ] {
        assert_eq!(
            check(&message(kind, body)),
            Err(MalformedMessage::Length(kind.into())),
            "{}",
            char::from(kind)
        );
    }
}

#[test]
fn rows_are_as_they_were_described() {
    assert_eq!(check_rows(&row(&[None, Some(b"x")])), Ok(()));
    assert_eq!(check_rows(&row(&[None])), Err(MalformedMessage::Row));
    assert_eq!(check_rows(&row(&[None, None, None])), Err(MalformedMessage::Row));
    assert_eq!(check(&row(&[None])), Err(MalformedMessage::Row));
    for body in [
        &b"\0\x02\0\0\0\x01x\0\0\0\x02y"[..],
        b"\0\x02\0\0\0\x01x\0\0\0\x01yz",
        b"\0\x02\x7f\xff\xff\xff",
        b"\0\x02",
    ] {
        assert_eq!(check_rows(&message(b'D', body)), Err(MalformedMessage::Row), "{body:?}");
    }
}

#[test]
fn logins_are_readable_and_short() {
    for (body, expected) in [
        (&b"\0\0\0"[..], MalformedMessage::Login),
        (b"\0\0\0\x05abc", MalformedMessage::Login),
        (b"\0\0\0\x0b", MalformedMessage::Login),
        (b"\0\0\0\x0br=abc,,i=1", MalformedMessage::Login),
        (b"\0\0\0\x0br=abc,i=", MalformedMessage::Login),
        (b"\0\0\0\x0cv", MalformedMessage::Login),
        (b"\0\0\0\x0br=abc,i=1000001", MalformedMessage::Iterations),
        (b"\0\0\0\x0br=abc,i=99999999999999999999", MalformedMessage::Login),
    ] {
        assert_eq!(check(&message(b'R', body)), Err(expected), "{body:?}");
    }
}

#[test]
fn what_answers_nothing_is_refused() {
    for kind in *b"GHWdcv\0" {
        assert_eq!(check(&message(kind, b"")), Err(MalformedMessage::Kind(kind.into())));
    }
    assert_eq!(check(b"HTTP/1.1 400 Bad Request\r\n"), Err(MalformedMessage::Kind('H')));
}

proptest! {
    #[test]
    fn however_the_bytes_arrive(sizes in prop::collection::vec(1_usize..40, 1..200)) {
        let (real, mut messages) = (real(), Messages::default());
        let mut rest = &real[..];
        for size in sizes.into_iter().cycle() {
            let (chunk, after) = rest.split_at(size.min(rest.len()));
            prop_assert_eq!(messages.check(chunk), Ok(()));
            if after.is_empty() {
                break;
            }
            rest = after;
        }
    }

    #[test]
    fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0_usize..500) {
        let mut spoilt = real();
        let at = at.min(spoilt.len());
        spoilt.splice(at.., bytes);
        let _ = check(&spoilt);
    }
}
