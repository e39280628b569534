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
    }
    // While it connects, it has received nothing.
    let received = titles.iter().any(|title| title.starts_with("walreceiver streaming"));
    if is_replica && known.streams {
        all.insert("pg_stat_wal_receiver_active".to_owned(), f64::from(received));
    }
    if received {
        let heard = "SELECT extract(epoch FROM last_msg_receipt_time) FROM pg_stat_get_wal_receiver()";
        all.insert("pg_stat_wal_receiver_last_msg_receipt_time".to_owned(), watcher.number(heard).await);
    }
    let end = end(watcher, is_replica).await;
    let slots = "SELECT slot_name, restart_lsn, slot_type FROM pg_get_replication_slots()";
    for row in watcher.rows(slots).await {
        let name = row[0].as_deref().expect("it has a name");
        let is_active = known.slots.get(name).unwrap_or_else(|| panic!("nobody has made {name}"));
        all.insert(series("pg_replication_slots_active", &[name]), f64::from(*is_active));
        let Some(start) = row[1].as_deref().map(position) else { continue };
        // None of them keeps more than the server does for itself.
        let kind = row[2].as_deref().expect("it has a type");
        all.insert(series("pg_replication_slot_wal_status", &[name, kind, "reserved"]), 1.0);
        let Some(end) = end else { continue };
        all.insert(series("pg_replication_slots_pg_wal_lsn_diff", &[name]), distance(end, start));
        if let Some(keep) = known.slots_keep {
            let lost_from = (start / SEGMENT + keep + 1) * SEGMENT;
            all.insert(series("pg_replication_slots_safe_wal_size_bytes", &[name]), distance(lost_from, end));
        }
    }
    all
}

/// What a standby has not replayed, by its own word.
pub(super) async fn behind(primary: &mut Session, standby: &mut Session) -> f64 {
    let end = end(primary, false).await.expect("it writes");
    let replayed = standby.cell("SELECT pg_last_wal_replay_lsn()").await.expect("it replays");
    distance(end, position(&replayed))
}
