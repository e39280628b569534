use ::mongodb::bson::doc;
use platform_core::probe::Reason;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// A reader, with its port and its credentials.
fn reader(files: &[&str], outcomes: &Outcomes) -> (u16, String, String) {
    let files = files.iter().map(|&file| (file.to_owned(), file.into())).collect();
    let proxy = start(Dialer { files, encryption: None }, outcomes.clone()).unwrap();
    let (user, password) = proxy.authentication.unwrap();
    (proxy.port.unwrap(), user, password)
}

/// Requests port 1 of a host, and returns the reply: 0 is success. `None` if the connection is closed first.
async fn lead(port: u16, user: &str, password: &str, host: &str) -> Option<u8> {
    connect(port, user, password, host, 1).await.map(|(_, reply)| reply)
}

/// The connection to a server, and the reply.
async fn connect(port: u16, user: &str, password: &str, host: &str, to: u16) -> Option<(TcpStream, u8)> {
    let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    client.write_all(&[5, 2, 0, 2]).await.unwrap();
    let mut method = [0; 2];
    client.read_exact(&mut method).await.ok()?;
    assert_eq!(method, [5, 2]);
    client.write_all(&[&[1], &text(user)[..], &text(password)].concat()).await.ok()?;
    client.read_exact(&mut method).await.ok()?;
    client.write_all(&[&[5, 1, 0, 3], &text(host)[..], &to.to_be_bytes()].concat()).await.ok()?;
    let mut answer = [0; 10];
    client.read_exact(&mut answer).await.ok()?;
    Some((client, answer[1]))
}

#[tokio::test]
async fn only_the_driver_is_let_in() {
    let (port, user, password) = reader(&[], &Outcomes::default());
    assert_eq!(lead(port, &user, &password, "127.0.0.1").await, Some(1), "nobody listens on port 1");
    for (user, password) in [(user.as_str(), "guess"), ("guess", password.as_str()), ("", "")] {
        assert_eq!(lead(port, user, password, "127.0.0.1").await, None);
    }
    let mut anonymous = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    anonymous.write_all(&[5, 1, 0]).await.unwrap();
    assert_eq!(anonymous.read(&mut [0]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn only_files_that_the_url_names_are_opened() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name).display().to_string();
    let _listeners = ["own", "other"].map(|name| tokio::net::UnixListener::bind(file(name)).unwrap());
    let (port, user, password) = reader(&[&file("own")], &Outcomes::default());
    assert_eq!(lead(port, &user, &password, &file("own")).await, Some(0));
    assert_eq!(lead(port, &user, &password, &file("other")).await, Some(1));
}

#[tokio::test]
async fn a_connection_that_is_closed_for_want_of_an_answer_is_a_timeout() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let outcomes = Outcomes::default();
    let (port, user, password) = reader(&[], &outcomes);
    let (mut driver, _) = connect(port, &user, &password, "127.0.0.1", address.port()).await.unwrap();
    let commands = [("shop".to_owned(), doc! {"dbStats": 1})];
    let body = envelope(commands, Duration::from_millis(50)).to_vec().unwrap();
    let length = u32::try_from(message_bounds::HEADER + 5 + body.len()).unwrap().to_le_bytes();
    driver
        .write_all(&[&length[..], &[0; 8], &2013_u32.to_le_bytes(), &[0; 5], &body].concat())
        .await
        .unwrap();
    let mut answer = Vec::new();
    driver.read_to_end(&mut answer).await.unwrap();
    assert!(!answer.is_empty(), "what was answered in time is passed on");
    let outcome = outcomes.of(&address.to_string()).map(|problem| problem.reason);
    assert_eq!(outcome, Some(Reason::Timeout));
}
