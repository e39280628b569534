//! What is counted while objects are listed.

use jiff::Timestamp;
use platform_core::probe::{Problem, Reason};
use rusty_s3::actions::list_objects_v2::ListObjectsContent;

use crate::xml;

/// The objects below a prefix.
#[derive(Debug, Default)]
pub(super) struct ObjectTally {
    pub(super) objects: u64,
    pub(super) bytes: u64,
    pub(super) biggest: u64,
    pub(super) newest: Option<NewestObject>,
}

/// The object that was modified last.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) struct NewestObject {
    pub(super) time: Timestamp,
    pub(super) bytes: u64,
}

impl ObjectTally {
    /// Counts one object.
    pub(super) fn add(&mut self, object: &ListObjectsContent) -> Result<(), Problem> {
        let time = modified(object)?;
        let bytes = object.size.ok_or_else(|| Problem::new(Reason::Protocol, "an object has no size"))?;
        self.objects += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.biggest = self.biggest.max(bytes);
        if self.newest.is_none_or(|newest| newest.time < time) {
            self.newest = Some(NewestObject { time, bytes });
        }
        Ok(())
    }
}

/// When an object was modified.
pub(crate) fn modified(object: &ListObjectsContent) -> Result<Timestamp, Problem> {
    let time = object.last_modified.as_deref().unwrap_or_default();
    time.trim().parse().map_err(|_| {
        Problem::new(Reason::Protocol, format!("LastModified is no time: {:?}", xml::short(time)))
    })
}
