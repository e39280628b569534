//! Responses of a MongoDB server to a probe and to queries of every form.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use platform_core::query::Question;
use platform_exporter_fuzz::{Protocol, Stage};
use serde_json::json;

static STAGE: LazyLock<Stage> = LazyLock::new(|| Stage::start(Protocol::Mongo));

static QUESTIONS: LazyLock<Vec<Question>> = LazyLock::new(|| {
    let questions = [
        json!({"collection": "c", "pipeline": [{"$match": {"a": 1}}]}),
        json!({"command": {"dbStats": 1}, "database": "*"}),
        json!({"command": {"top": 1}, "each": "totals"}),
        json!({"command": {"listDatabases": 1}, "each": "databases"}),
        json!({"command": {"serverStatus": 1}}),
    ];
    questions.map(|query| Question::new("mongo", query)).to_vec()
});

fuzz_target!(|input: (u8, &[u8])| {
    let (which, answers) = input;
    let question = &QUESTIONS[usize::from(which) % QUESTIONS.len()];
    // Without a login, whose exchange would use up the first responses.
    STAGE.ask("mongodb: {url: \"mongodb://ADDRESS/db\"}", std::slice::from_ref(question), answers);
});
