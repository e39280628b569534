//! Paths of pushed heartbeats. Accepted ones have valid names and are stored unchanged.
#![no_main]

use std::time::SystemTime;

use libfuzzer_sys::fuzz_target;
use platform_core::heartbeat::{Heartbeats, Push, is_name};

fuzz_target!(|path: &str| {
    let Some(push) = Push::parse(path) else { return };
    assert!(is_name(&push.class) && is_name(&push.worker), "{push:?}");
    let heartbeats = Heartbeats::default();
    heartbeats.record(&push.class, &push.worker, push.signal, SystemTime::now()).expect("there is room");
    let [(worker, beat)] = &heartbeats.of_class(&push.class)[..] else { panic!("one worker") };
    assert_eq!((worker, beat.signal), (&push.worker, push.signal));
});
