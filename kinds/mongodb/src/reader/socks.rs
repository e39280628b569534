//! The part of SOCKS5 that the driver uses (RFC 1928, RFC 1929): one login method, one command.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use platform_core::dial::host_port;
use subtle::ConstantTimeEq;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Credentials known only to this process.
#[derive(Clone)]
pub(super) struct SocksCredentials {
    pub(super) user: String,
    pub(super) password: String,
}

/// The destination of a connection.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
}

/// As the driver prints it.
impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&host_port(&self.host, self.port))
    }
}

const VERSION: u8 = 5;
const BY_PASSWORD: u8 = 2;
const CONNECT: u8 = 1;

/// Authenticates the driver, and reads its destination.
pub(super) async fn greet(driver: &mut TcpStream, credentials: &SocksCredentials) -> io::Result<Target> {
    let [version, methods] = bytes(driver).await?;
    let mut offered = vec![0; methods.into()];
    driver.read_exact(&mut offered).await?;
    if version != VERSION || !offered.contains(&BY_PASSWORD) {
        return Err(refused());
    }
    driver.write_all(&[VERSION, BY_PASSWORD]).await?;
    let [_] = bytes(driver).await?;
    let (user, password) = (text(driver).await?, text(driver).await?);
    let known = user.ct_eq(credentials.user.as_bytes()) & password.ct_eq(credentials.password.as_bytes());
    if !bool::from(known) {
        return Err(refused());
    }
    driver.write_all(&[1, 0]).await?;
    let [_, command, _, kind] = bytes(driver).await?;
    let host = match kind {
        1 => IpAddr::from(Ipv4Addr::from(bytes(driver).await?)).to_string(),
        4 => IpAddr::from(Ipv6Addr::from(bytes(driver).await?)).to_string(),
        3 => String::from_utf8(text(driver).await?).map_err(|_| refused())?,
        _ => return Err(refused()),
    };
    let port = u16::from_be_bytes(bytes(driver).await?);
    if command == CONNECT { Ok(Target { host, port }) } else { Err(refused()) }
}

/// Reports to the driver that the server is connected. Its address is of no interest.
pub(super) async fn welcome(driver: &mut TcpStream) -> io::Result<()> {
    driver.write_all(&[VERSION, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await
}

/// Reports to the driver that there is no connection.
pub(super) async fn refuse(driver: &mut TcpStream) -> io::Result<()> {
    driver.write_all(&[VERSION, 1, 0, 1, 0, 0, 0, 0, 0, 0]).await
}

/// Waits until the driver closes the connection. Before the reply it sends nothing.
pub(super) async fn left(driver: &TcpStream) {
    let _ = driver.peek(&mut [0]).await;
}

async fn bytes<const COUNT: usize>(driver: &mut TcpStream) -> io::Result<[u8; COUNT]> {
    let mut bytes = [0; COUNT];
    driver.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// A length-prefixed string.
async fn text(driver: &mut TcpStream) -> io::Result<Vec<u8>> {
    let [length] = bytes(driver).await?;
    let mut text = vec![0; length.into()];
    driver.read_exact(&mut text).await?;
    Ok(text)
}

fn refused() -> io::Error {
    io::ErrorKind::PermissionDenied.into()
}
