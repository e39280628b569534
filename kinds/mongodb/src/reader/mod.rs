//! A reader in front of the driver: it connects to the servers, checks what they send and passes it on.
//!
//! The driver has no hook for that, but supports SOCKS5 proxies. The reader is one, inside this process: it speaks TLS
//! with the server and plain text with the driver, over a loopback socket with a password.

mod batch;
mod dial;
mod message;
mod outcome;
mod relay;
mod socks;

use std::io;
use std::net::{Ipv4Addr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use ::mongodb::options::Socks5Proxy;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

pub(super) use self::batch::envelope;
pub(super) use self::dial::Dialer;
pub(super) use self::outcome::Outcomes;
use platform_core::probe::Problem;

use self::relay::End;
use self::socks::SocksCredentials;
use super::message_bounds;

/// Three for each of the up to 50 members of a set, and some spare. A limit against servers that name ever more members
/// and against other processes on this host.
const MOST_CONNECTIONS: usize = 256;
/// The driver sends its destination at once.
const GREETING: Duration = Duration::from_secs(5);
/// After a failed accept, such as when file descriptors have run out.
const PAUSE: Duration = Duration::from_millis(100);

/// Everything that a connection needs.
struct Reader {
    dialer: Dialer,
    credentials: SocksCredentials,
    outcomes: Outcomes,
}

/// Starts to listen on the current runtime, and returns the driver's proxy settings.
pub(super) fn start(dialer: Dialer, outcomes: Outcomes) -> io::Result<Socks5Proxy> {
    let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let port = listener.local_addr()?.port();
    let credentials = SocksCredentials { user: random()?, password: random()? };
    let SocksCredentials { user, password } = credentials.clone();
    tokio::spawn(listen(listener, Arc::new(Reader { dialer, credentials, outcomes })));
    Ok(Socks5Proxy::builder()
        .host(Ipv4Addr::LOCALHOST.to_string())
        .port(port)
        .authentication((user, password))
        .build())
}

fn random() -> io::Result<String> {
    let mut bytes = [0; 24];
    SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("the system has no random numbers"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

async fn listen(listener: TcpListener, reader: Arc<Reader>) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        match listener.accept().await {
            Ok((driver, _)) => {
                let reader = Arc::clone(&reader);
                tokio::spawn(async move {
                    reader.serve(driver).await;
                    drop(place);
                });
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}

impl Reader {
    async fn serve(&self, mut driver: TcpStream) {
        // Otherwise short messages would be delayed.
        if driver.set_nodelay(true).is_err() {
            return;
        }
        let greeting = timeout(GREETING, socks::greet(&mut driver, &self.credentials));
        let Ok(Ok(target)) = greeting.await else { return };
        let address = target.to_string();
        self.outcomes.dialing(&address);
        let dialed = tokio::select! {
            dialed = self.dialer.dial(&target) => Some(dialed),
            // It has given up: its own time limit is over.
            () = socks::left(&driver) => None,
        };
        self.outcomes.dialed(&address);
        let Some(dialed) = dialed else {
            self.outcomes.forget(&address);
            return;
        };
        let server = match dialed {
            Ok(server) => server,
            Err(problem) => {
                self.outcomes.unreachable(&address, problem);
                let _ = socks::refuse(&mut driver).await;
                return;
            }
        };
        if socks::welcome(&mut driver).await.is_ok() {
            let relayed = relay::relay(driver, server, || self.outcomes.forget(&address)).await;
            match relayed {
                Ok(End::Closed) => {}
                Ok(End::Unheard) => self.outcomes.forget(&address),
                Ok(End::Unanswered) => self.outcomes.unanswered(&address),
                Err((refusal, asked)) => {
                    self.outcomes.refused(&address, Problem::new(refusal.reason(asked), refusal));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
