//! Heartbeats from the future: of workers whose clocks are ahead of their store's. Pure; time is an argument.
//!
//! Such a worker would stay alive after its end for as long as its clock is ahead. Its heartbeat counts from when it was
//! first read instead: a worker that lives changes it.

use std::collections::BTreeMap;

use super::worker::{Seen, Worker, WorkerList};

/// The heartbeats that were ahead when they were first read.
#[derive(Debug, Default)]
pub(super) struct Ahead(BTreeMap<(String, String), FirstRead>);

#[derive(Clone, Copy, Debug)]
struct FirstRead {
    /// The heartbeat's time.
    at: f64,
    /// The store's time.
    now: f64,
}

impl Ahead {
    /// Sets when the heartbeat of each worker of a class that was ahead was first read.
    pub(super) fn mark(&mut self, class: &str, list: &mut WorkerList) {
        let mut known = BTreeMap::new();
        for worker in &mut list.workers {
            let Worker { id, seen: Seen::At(at), .. } = &*worker else { continue };
            let key = (class.to_owned(), id.clone().unwrap_or_default());
            let before = self.0.get(&key).copied().filter(|before| before.at.total_cmp(at).is_eq());
            let is_ahead = (*at > list.now).then_some(FirstRead { at: *at, now: list.now });
            if let Some(first) = before.or(is_ahead) {
                worker.first_read = Some(first.now);
                known.insert(key, first);
            }
        }
        self.0.retain(|(of, _), _| of != class);
        self.0.append(&mut known);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMIT: Option<Duration> = Some(Duration::from_secs(90));

    fn alive(ahead: &mut Ahead, at: f64, now: f64) -> bool {
        let worker = Worker { id: Some("a".to_owned()), seen: Seen::At(at), ..Worker::default() };
        let mut list = WorkerList { workers: vec![worker], now, skew: None };
        ahead.mark("c", &mut list);
        list.workers[0].is_alive(now, LIMIT)
    }

    #[test]
    fn a_heartbeat_from_the_future_counts_from_when_it_was_first_read() {
        let (mut ahead, hour) = (Ahead::default(), 3600.0);
        for now in [0.0, 30.0, 60.0] {
            assert!(alive(&mut ahead, now + hour, now), "it changes");
        }
        assert!(alive(&mut ahead, 60.0 + hour, 150.0));
        assert!(!alive(&mut ahead, 60.0 + hour, 151.0), "it has not changed for longer than its limit");
        // Also when the clock has caught up with it.
        assert!(!alive(&mut ahead, 60.0 + hour, 60.0 + hour));
        assert!(alive(&mut ahead, 61.0 + hour, 60.0 + hour), "it lives again");
    }

    #[test]
    fn a_heartbeat_from_the_past_has_its_own_time_and_what_is_gone_is_forgotten() {
        let mut ahead = Ahead::default();
        assert!(alive(&mut ahead, 0.0, 90.0) && !alive(&mut ahead, 0.0, 91.0));
        assert!(alive(&mut ahead, 200.0, 100.0));
        ahead.mark("other", &mut WorkerList { workers: vec![], now: 100.0, skew: None });
        assert_eq!(ahead.0.len(), 1);
        ahead.mark("c", &mut WorkerList { workers: vec![], now: 100.0, skew: None });
        assert!(ahead.0.is_empty());
    }
}
