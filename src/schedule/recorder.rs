//! Records what becomes of a source: in the store, and where its status changes, in the log.

use std::sync::Arc;

use platform_core::setting::SourceName;

use super::status_log::StatusLog;
use crate::snapshot::{Event, SourceState, Store};

/// The store and the log.
#[derive(Clone)]
pub(super) struct Recorder {
    pub(super) store: Arc<Store>,
    pub(super) log: Arc<StatusLog>,
}

impl Recorder {
    /// Changes the state of a source, and logs the event that this is, if any.
    pub(super) fn record(&self, source: &SourceName, change: impl FnOnce(&mut SourceState) -> Option<Event>) {
        let event = self.store.update(source, |state| Some((state.kind(), change(state)?)));
        if let Some((kind, event)) = event.flatten() {
            self.log.event(source.as_str(), kind, &event);
        }
    }
}
