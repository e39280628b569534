//! How far a replica can lag at most, given when it was last seen to be current.
//!
//! The age of the last replayed transaction is also the time for which the primary may have been idle. A replica that
//! was current a moment ago cannot lag by more than that moment.

use platform_core::metric::Family;

const LAG: &str = "pg_replication_lag_seconds";
const REPLAYED: &str = "pg_replication_last_replay_timestamp_seconds";
const HEARD: &str = "pg_stat_wal_receiver_last_msg_receipt_time";
const STARTED: &str = "pg_postmaster_start_time_seconds";

/// When the replica behind a source was last seen to be current, in seconds since 1970 by its own clock.
#[derive(Debug, Default)]
pub(super) struct LastCurrent {
    seen: Option<Seen>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    /// Identifies the server: after a failover, the same address may lead to another one.
    started: f64,
    current: f64,
}

impl LastCurrent {
    /// Remembers what this probe found, or lowers the lag that it found to what is possible.
    pub(super) fn apply(&mut self, families: &mut [Family]) {
        let found = |name: &str| value(families, name);
        let (Some(started), Some(lag)) = (found(STARTED), found(LAG)) else { return };
        let (replayed, heard) = (found(REPLAYED), found(HEARD));
        if lag == 0.0 {
            // A primary has heard nothing.
            self.seen = heard.map(|current| Seen { started, current });
            return;
        }
        let seen = self.seen.filter(|seen| seen.started.to_bits() == started.to_bits());
        if let (Some(Seen { current, .. }), Some(replayed)) = (seen, replayed) {
            set(families, LAG, (lag - (current - replayed).max(0.0)).max(0.0));
        }
    }
}

fn value(families: &[Family], name: &str) -> Option<f64> {
    families.iter().find(|family| family.desc.name == name)?.samples.first().map(|sample| sample.value)
}

fn set(families: &mut [Family], name: &str, value: f64) {
    let family = families.iter_mut().find(|family| family.desc.name == name);
    if let Some(sample) = family.and_then(|family| family.samples.first_mut()) {
        sample.value = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform_core::metric::{Desc, Sample};

    fn probe(values: &[(&'static str, f64)]) -> Vec<Family> {
        let family = |&(name, value): &(&'static str, f64)| {
            let mut family = Desc::gauge(name, &[], "A number.").family();
            family.samples.push(Sample { labels: [].into(), value });
            family
        };
        values.iter().map(family).collect()
    }

    fn lag(subject: &mut LastCurrent, values: &[(&'static str, f64)]) -> Option<f64> {
        let mut families = probe(values);
        subject.apply(&mut families);
        value(&families, LAG)
    }

    const CURRENT: [(&str, f64); 4] = [(STARTED, 1.0), (LAG, 0.0), (REPLAYED, 1000.0), (HEARD, 1700.0)];

    #[test]
    fn a_replica_lags_at_most_since_it_was_current() {
        let mut subject = LastCurrent::default();
        // Nothing is known of the time before.
        assert_eq!(lag(&mut subject, &[(STARTED, 1.0), (LAG, 700.0), (REPLAYED, 1000.0)]), Some(700.0));
        assert_eq!(lag(&mut subject, &CURRENT), Some(0.0));
        // It is 1703 now; what was replayed last is 703 seconds old.
        assert_eq!(lag(&mut subject, &[(STARTED, 1.0), (LAG, 703.0), (REPLAYED, 1000.0)]), Some(3.0));
        // It has replayed more since, but not all.
        assert_eq!(lag(&mut subject, &[(STARTED, 1.0), (LAG, 10.0), (REPLAYED, 1710.0)]), Some(10.0));
    }

    #[test]
    fn another_server_is_another_replica() {
        let mut subject = LastCurrent::default();
        lag(&mut subject, &CURRENT);
        let other = [(STARTED, 2.0), (LAG, 703.0), (REPLAYED, 1000.0)];
        assert_eq!(lag(&mut subject, &other), Some(703.0));
        // A primary has no message, and nothing to be compared with.
        lag(&mut subject, &[(STARTED, 1.0), (LAG, 0.0)]);
        assert_eq!(lag(&mut subject, &[(STARTED, 1.0), (LAG, 703.0), (REPLAYED, 1000.0)]), Some(703.0));
    }

    #[test]
    fn what_is_absent_stays_absent() {
        let mut subject = LastCurrent::default();
        lag(&mut subject, &CURRENT);
        assert_eq!(lag(&mut subject, &[(STARTED, 1.0), (HEARD, 1703.0)]), None);
        assert_eq!(lag(&mut subject, &[(STARTED, 1.0), (LAG, 703.0)]), Some(703.0));
    }
}
