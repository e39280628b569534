//! Worker data from a store, in every layout: rows of its query lane, one result after the other.
#![no_main]

use std::collections::{BTreeMap, VecDeque};
use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use platform_core::probe::Problem;
use platform_core::query::{Answers, Cell, Columns, Question, Rows, lane};
use platform_exporter_fuzz::{Value, check_families, source, source_name};
use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_all().build().expect("a runtime"));

const LAYOUTS: [&str; 11] = [
    "layout: zset, key: k",
    "layout: hash, key: k, states: [active]",
    "layout: keys, pattern: 'hb:*:end'",
    "layout: sidekiq",
    "layout: resque",
    "layout: rq",
    "layout: rq, queue: q",
    "layout: bullmq, queue: q",
    "layout: solid_queue",
    "layout: good_job",
    "sql: SELECT 1",
];

const COLUMNS: [&str; 11] = [
    "store_now",
    "worker",
    "seen_at",
    "alive",
    "progress_at",
    "state",
    "instance_type",
    "lifecycle",
    "spot",
    "busy",
    "slots",
];

/// A query lane that returns the fuzzer's cells in the form each query expects.
struct Script(VecDeque<Vec<[Value; COLUMNS.len()]>>);

#[async_trait::async_trait]
impl Answers for Script {
    async fn rows(&mut self, question: &Question, _: &Columns, _timeout: Duration) -> Result<Rows, Problem> {
        let answer = self.0.pop_front().unwrap_or_default();
        let rows = answer.into_iter().map(|row| row.map(Cell::from).to_vec());
        if question.key() != "redis" {
            let columns = COLUMNS.map(str::to_owned).to_vec();
            return Ok(Rows::new(columns, rows.collect()));
        }
        let words = question.value()["command"].as_array().into_iter().flatten();
        let words: Vec<_> = words.filter_map(|word| word.as_str()).collect();
        let columns = match words.first().copied().unwrap_or_default() {
            "CLIENT" => vec!["name"],
            "TIME" | "HLEN" | "SMEMBERS" => vec!["value"],
            _ => vec!["key", "value"],
        };
        let shaped = rows.map(|row| row.into_iter().take(columns.len()).collect::<Vec<_>>());
        let rows = match &words[..] {
            // Every name gets a response, in the order of the query.
            [command @ ("MGET" | "HMGET"), names @ ..] => {
                let mut values = shaped.map(|mut row| row.pop().unwrap_or(Cell::Null));
                let names = names.iter().skip(usize::from(*command == "HMGET"));
                names
                    .map(|name| vec![Cell::Text((*name).to_owned()), values.next().unwrap_or(Cell::Null)])
                    .collect()
            }
            _ => shaped.collect(),
        };
        Ok(Rows::new(columns.into_iter().map(str::to_owned).collect(), rows))
    }
}

fuzz_target!(|input: (u8, Vec<Vec<[Value; COLUMNS.len()]>>)| {
    let (layout, answers) = input;
    let layout = LAYOUTS[usize::from(layout) % LAYOUTS.len()];
    let (asking, mut answering) = lane();
    let lanes = BTreeMap::from([(source_name("store"), asking)]);
    let yaml = format!("workers: {{classes: {{class: {{from: store, {layout}, expected: 1}}}}}}");
    let mut parts = source(&yaml, &[], &lanes, None);
    let mut script = Script(answers.into());
    RUNTIME.block_on(async {
        tokio::select! {
            observation = parts.prober.probe() => if let Ok(observation) = observation {
                check_families(observation.families);
            },
            () = answering.serve(&mut script) => panic!("the source holds the asking end"),
        }
    });
});
