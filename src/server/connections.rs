//! Connection slots: limited, and reclaimed from clients that hold one without sending requests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A client that has not sent its first request within this time, including the TLS handshake, is disconnected.
const FIRST_REQUEST: Duration = Duration::from_secs(10);
/// A client that has sent no further request for this time is disconnected. Scrapes come more often.
const NEXT_REQUEST: Duration = Duration::from_secs(150);

/// The open connections.
#[derive(Debug)]
pub(super) struct Connections {
    /// Maximum number of connections, over all listeners.
    places: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    by_number: BTreeMap<u64, Connection>,
}

#[derive(Debug)]
struct Connection {
    /// Requests in flight.
    requests: usize,
    /// Whether there has been a request.
    has_asked: bool,
    /// The time of the last change: opened, or a request started or ended.
    since: Instant,
    close: CancellationToken,
}

impl Connections {
    pub(super) fn new(places: usize) -> Self {
        Self { places, open: Mutex::default() }
    }

    /// A slot for a connection. If all are taken, the connection that has been idle longest loses its slot; if none is
    /// idle, the one with the longest-running request.
    pub(super) fn place(self: &Arc<Self>) -> ConnectionSlot {
        let mut open = self.open.lock();
        if open.by_number.len() >= self.places {
            let order = |(_, connection): &(&u64, &Connection)| (connection.requests > 0, connection.since);
            let longest = open.by_number.iter().min_by_key(order).map(|(number, _)| *number);
            if let Some(connection) = longest.and_then(|number| open.by_number.remove(&number)) {
                connection.close.cancel();
            }
        }
        let (number, close) = (open.next, CancellationToken::new());
        open.next += 1;
        let connection =
            Connection { requests: 0, has_asked: false, since: Instant::now(), close: close.clone() };
        open.by_number.insert(number, connection);
        ConnectionSlot { connections: Arc::clone(self), number, close }
    }
}

/// The slot of one connection, until it is dropped.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    connections: Arc<Connections>,
    number: u64,
    close: CancellationToken,
}

impl ConnectionSlot {
    /// Records a request as in flight until the result is dropped.
    pub(super) fn request(&self) -> UnderWay<'_> {
        self.note(|connection| {
            connection.requests += 1;
            connection.has_asked = true;
        });
        UnderWay(self)
    }

    /// Waits until the connection has to close: its slot is needed, or it was idle for too long.
    pub(super) async fn lost(&self) {
        self.close.run_until_cancelled(self.overdue()).await.unwrap_or_default();
    }

    async fn overdue(&self) {
        while let Some(limit) = self.limit().filter(|limit| *limit > Instant::now()) {
            tokio::time::sleep_until(limit).await;
        }
    }

    /// The deadline for the next request, as far as is known now.
    fn limit(&self) -> Option<Instant> {
        let open = self.connections.open.lock();
        let connection = open.by_number.get(&self.number)?;
        Some(match connection {
            Connection { requests: 0, has_asked: false, since, .. } => *since + FIRST_REQUEST,
            Connection { requests: 0, since, .. } => *since + NEXT_REQUEST,
            _ => Instant::now() + NEXT_REQUEST,
        })
    }

    fn note(&self, change: impl FnOnce(&mut Connection)) {
        if let Some(connection) = self.connections.open.lock().by_number.get_mut(&self.number) {
            change(connection);
            connection.since = Instant::now();
        }
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.connections.open.lock().by_number.remove(&self.number);
    }
}

/// A request in flight.
#[derive(Debug)]
pub(super) struct UnderWay<'a>(&'a ConnectionSlot);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.note(|connection| connection.requests = connection.requests.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_longest_waiting_makes_room() {
        let connections = Arc::new(Connections::new(8));
        let mut places = Vec::new();
        for _ in 0..8 {
            places.push(connections.place());
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        let busy = places[0].request();
        let newcomer = connections.place();
        assert!(places[0].lost().now_or_never().is_none(), "it is being answered");
        assert!(places[1].lost().now_or_never().is_some(), "it has waited longest");
        assert!(places[2].lost().now_or_never().is_none(), "one was enough");
        tokio::time::advance(Duration::from_millis(1)).await;
        let _all_busy: Vec<_> = places[2..].iter().chain([&newcomer]).map(ConnectionSlot::request).collect();
        let _another = connections.place();
        assert!(places[0].lost().now_or_never().is_some(), "it has been answered longest");
        drop(busy);
        assert!(places[2].lost().now_or_never().is_none() && newcomer.lost().now_or_never().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_nothing_is_cut_off() {
        let connections = Arc::new(Connections::new(8));
        let time = async |place: &ConnectionSlot| {
            let started = Instant::now();
            place.lost().await;
            started.elapsed().as_secs()
        };
        let place = connections.place();
        assert_eq!(time(&place).await, 10);
        let place = connections.place();
        drop(place.request());
        assert_eq!(time(&place).await, 150);
        let place = connections.place();
        let request = place.request();
        assert!(tokio::time::timeout(Duration::from_secs(1000), place.lost()).await.is_err());
        drop(request);
        assert_eq!(time(&place).await, 150);
    }
}
