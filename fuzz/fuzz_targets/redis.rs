//! Responses of a Redis server to a probe and to queries of every form.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use platform_core::query::Question;
use platform_exporter_fuzz::{Protocol, SECRET, Stage};
use serde_json::json;

static STAGE: LazyLock<Stage> = LazyLock::new(|| Stage::start(Protocol::Plain));

static QUESTIONS: LazyLock<Vec<Question>> = LazyLock::new(|| {
    let commands: [&[&str]; 9] = [
        &["GET", "a"],
        &["HGETALL", "a"],
        &["HMGET", "a", "b", "c"],
        &["XINFO", "GROUPS", "a"],
        &["SLOWLOG", "GET"],
        &["XPENDING", "a", "b"],
        &["INFO", "keyspace"],
        &["CLIENT", "LIST"],
        &["TIME"],
    ];
    let commands = commands.map(|words| json!({"command": words}));
    let scans = [
        json!({"scan": "a*"}),
        json!({"scan": "a*", "patterns": 3}),
        json!({"scan": "a*", "id": "^a:(.*)$"}),
        json!({"members_of": "a", "read": {"b": [["LLEN", "b:{id}"]], "c": [["ZCOUNT", "c", 0, "{now}"]]}}),
    ];
    commands.into_iter().chain(scans).map(|query| Question::new("redis", query)).collect()
});

fuzz_target!(|input: (u8, &[u8])| {
    let (which, answers) = input;
    let question = &QUESTIONS[usize::from(which) % QUESTIONS.len()];
    let yaml = format!("redis: {{url: \"redis://:{SECRET}@ADDRESS/0\", keys: [{{name: a}}]}}");
    STAGE.ask(&yaml, std::slice::from_ref(question), answers);
});
