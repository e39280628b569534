use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// A reader, with its port and its credentials.
fn reader(files: &[&str]) -> (u16, String, String) {
    let files = files.iter().map(|&file| (file.to_owned(), file.into())).collect();
    let proxy = start(Dialer { files, encryption: None }, Outcomes::default()).unwrap();
    let (user, password) = proxy.authentication.unwrap();
    (proxy.port.unwrap(), user, password)
}

/// Requests a host, and returns the reply: 0 is success. `None` if the connection is closed first.
async fn lead(port: u16, user: &str, password: &str, host: &str) -> Option<u8> {
    let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    client.write_all(&[5, 2, 0, 2]).await.unwrap();
    let mut method = [0; 2];
    client.read_exact(&mut method).await.ok()?;
    assert_eq!(method, [5, 2]);
    client.write_all(&[&[1], &text(user)[..], &text(password)].concat()).await.ok()?;
    client.read_exact(&mut method).await.ok()?;
    client.write_all(&[&[5, 1, 0, 3], &text(host)[..], &1_u16.to_be_bytes()].concat()).await.ok()?;
    let mut answer = [0; 10];
    client.read_exact(&mut answer).await.ok()?;
    Some(answer[1])
}

#[tokio::test]
async fn only_the_driver_is_let_in() {
    let (port, user, password) = reader(&[]);
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
    let (port, user, password) = reader(&[&file("own")]);
    assert_eq!(lead(port, &user, &password, &file("own")).await, Some(0));
    assert_eq!(lead(port, &user, &password, &file("other")).await, Some(1));
}
