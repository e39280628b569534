//! Who follows whom, and how far behind.

use super::known::{Known, Side};
use super::recount::{lag, number};
use super::session::Session;
use testkit::recount::{Series, series};

const SEGMENT: u64 = 16 << 20;

/// A position in the WAL, such as `0/16B3748`.
fn position(text: &str) -> u64 {
    let (high, low) = text.split_once('/').expect("two halves");
    let half = |text| u64::from_str_radix(text, 16).expect("hexadecimal");
    half(high) << 32 | half(low)
}

#[expect(clippy::cast_precision_loss, reason = "a test writes little")]
fn distance(ahead: u64, behind: u64) -> f64 {
    ahead as f64 - behind as f64
}

/// Up to where a server has WAL.
async fn end(session: &mut Session, is_replica: bool) -> Option<u64> {
    let function = if is_replica { "pg_last_wal_receive_lsn" } else { "pg_current_wal_lsn" };
    session.cell(&format!("SELECT {function}()")).await.as_deref().map(position)
}

pub(super) async fn recount(
    watcher: &mut Session,
    titles: &[String],
    is_replica: bool,
    known: &Known,
    side: Side,
) -> Series {
    let senders =
        titles.iter().filter(|title| title.starts_with("walsender ") && title.contains(" streaming "));
    let mut all = Series::from([("pg_stat_replication_replicas".to_owned(), number(senders.count()))]);
    all.insert("pg_replication_lag_seconds".to_owned(), lag(known, side));
    if let Some(replayed) = known.replayed {
        all.insert("pg_replication_last_replay_timestamp_seconds".to_owned(), side.time(replayed));
        all.insert("pg_replication_last_replay_seconds".to_owned(), side.age(replayed));
    }
    // While it connects, it has received nothing.
    let received = titles.iter().any(|title| title.starts_with("walreceiver streaming"));
    if is_replica && known.streams {
        all.insert("pg_stat_wal_receiver_active".to_owned(), f64::from(received));
    }
    if received {
        all.extend(receiver(watcher).await);
    }
    let end = end(watcher, is_replica).await;
    let slots =
        "SELECT slot_name, restart_lsn, slot_type, confirmed_flush_lsn FROM pg_get_replication_slots()";
    for row in watcher.rows(slots).await {
        let name = row[0].as_deref().expect("it has a name");
        let is_active = known.slots.get(name).unwrap_or_else(|| panic!("nobody has made {name}"));
        let kind = row[2].as_deref().expect("it has a type");
        // What is decoded belongs to a database.
        let database = if kind == "logical" { "postgres" } else { "" };
        all.insert(series("pg_replication_slots_active", &[name, database]), f64::from(*is_active));
        all.insert(series("pg_replication_slots_slot_is_active", &[name, kind]), f64::from(*is_active));
        if let Some(end) = end {
            all.insert(series("pg_replication_slots_slot_current_wal_lsn", &[name, kind]), distance(end, 0));
        }
        if let Some(confirmed) = row[3].as_deref().map(position) {
            let confirmed = distance(confirmed, 0);
            all.insert(series("pg_replication_slots_slot_confirmed_flush_lsn", &[name, kind]), confirmed);
        }
        let Some(start) = row[1].as_deref().map(position) else { continue };
        // None of them keeps more than the server does for itself.
        all.insert(series("pg_replication_slots_wal_status", &[name, kind, "reserved"]), 1.0);
        let Some(end) = end else { continue };
        all.insert(series("pg_replication_slots_pg_wal_lsn_diff", &[name, database]), distance(end, start));
        if let Some(keep) = known.slots_keep {
            let lost_from = (start / SEGMENT + keep + 1) * SEGMENT;
            let safe = distance(lost_from, end);
            all.insert(series("pg_replication_slots_safe_wal_size_bytes", &[name, kind]), safe);
        }
    }
    all
}

/// What a standby has not replayed, by its own word. It comes by way of a proxy.
pub(super) async fn follower(primary: &mut Session, standby: &mut Session, slot: &str) -> Series {
    let end = end(primary, false).await.expect("it writes");
    let replayed = standby.cell("SELECT pg_last_wal_replay_lsn()").await.expect("it replays");
    let labels = ["walreceiver", "127.0.0.1/32", "streaming", slot];
    Series::from([
        (series("pg_stat_replication_pg_wal_lsn_diff", &labels), distance(end, position(&replayed))),
        (series("pg_stat_replication_pg_current_wal_lsn_bytes", &labels), distance(end, 0)),
    ])
}

/// What a standby receives. It has one slot.
async fn receiver(watcher: &mut Session) -> Series {
    let labels = ["127.0.0.1", "standby", "streaming"];
    let mut all = Series::new();
    for (name, column) in [
        ("receive_start_lsn", "receive_start_lsn - '0/0'"),
        ("receive_start_tli", "receive_start_tli"),
        ("flushed_lsn", "flushed_lsn - '0/0'"),
        ("received_tli", "received_tli"),
        ("last_msg_send_time", "extract(epoch FROM last_msg_send_time)"),
        ("last_msg_receipt_time", "extract(epoch FROM last_msg_receipt_time)"),
        ("latest_end_lsn", "latest_end_lsn - '0/0'"),
        ("latest_end_time", "extract(epoch FROM latest_end_time)"),
    ] {
        let value = watcher.number(&format!("SELECT {column} FROM pg_stat_get_wal_receiver()")).await;
        all.insert(series(&format!("pg_stat_wal_receiver_{name}"), &labels), value);
    }
    all
}
