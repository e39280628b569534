//! What is known about the servers of a source.

use std::sync::Arc;

use ::mongodb::event::EventHandler;
use ::mongodb::event::sdam::{SdamEvent, TopologyDescription};
use parking_lot::Mutex;

use super::reader::Outcomes;

/// What is known about the servers. Unlike the driver's error, it says why none is found.
#[derive(Clone, Default)]
pub(super) struct KnownTopology {
    latest: Arc<Mutex<Option<TopologyDescription>>>,
    pub(super) outcomes: Outcomes,
}

impl KnownTopology {
    pub(super) fn latest(&self) -> Option<TopologyDescription> {
        self.latest.lock().clone()
    }

    pub(super) fn handler(&self) -> EventHandler<SdamEvent> {
        let latest = Arc::clone(&self.latest);
        EventHandler::callback(move |event| {
            if let SdamEvent::TopologyDescriptionChanged(change) = event {
                *latest.lock() = Some(change.new_description);
            }
        })
    }
}
