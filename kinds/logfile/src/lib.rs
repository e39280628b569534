//! Log files: followed through rotation, and counted by declared fields. No content of a line is exported.

mod config;
mod counts;
mod follower;
mod lines;
mod missed;
mod prober;
mod question;
mod read_budget;
mod reader;
mod rotation;
mod turn;

pub use config::{Config, From};
pub use question::LogQuestion;

use std::sync::Arc;
use std::time::Duration;

use platform_core::kind::{Context, Definition, Headline, HeadlineUnit, KindFacts, Parts, ProbeCost};
use platform_core::query::LanguageFacts;

use self::follower::Plan;
use self::prober::{LogAnswers, LogProber};
use self::turn::Turns;

/// The facts common to all sources of this kind.
pub const FACTS: KindFacts = KindFacts {
    name: "logfile",
    interval: Duration::from_secs(15),
    timeout: Duration::from_secs(5),
    is_metered: false,
    cost: ProbeCost { cpu: Duration::from_micros(50), wire: 0, series: 7 },
    up: None,
    catalogue: || prober::CATALOGUE.to_vec(),
    prefixes: Vec::new,
    reasons: &[],
    language: Some(LanguageFacts::of::<LogQuestion>()),
    environment: &[],
    permissions: "\
# The exporter's user reads the files and lists their directory, where it finds a rotated file again:
setfacl -m u:platform_exporter:rx -m d:u:platform_exporter:r /data/logs
setfacl -m u:platform_exporter:r /data/logs/ai-events.log
# In the logrotate configuration, so that new files can be read too: create 0640 app platform_exporter
",
    rules: include_str!("../rules.yml"),
    dashboard: include_str!("../dashboard.yml"),
    runbook: include_str!("../runbook.md"),
    example: include_str!("../example.yml"),
    recipes: &[],
    headlines: &[
        Headline { title: "Lines read", metric: "logfile_lines_total", unit: HeadlineUnit::Count },
        Headline { title: "Size", metric: "logfile_size_bytes", unit: HeadlineUnit::Bytes },
    ],
};

impl Definition for Config {
    fn target(&self) -> String {
        self.paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    }

    fn build(&self, context: &Context<'_>) -> Parts {
        let mut questions: Vec<LogQuestion> = Vec::new();
        for question in context.questions.iter().filter_map(|question| question.read().ok()) {
            if !questions.contains(&question) {
                questions.push(question);
            }
        }
        let turns = Arc::new(Turns::new(Plan {
            paths: self.paths.clone(),
            from: self.from,
            timestamp_field: self.timestamp_field.clone(),
            questions,
            state_file: context.state_dir.map(|dir| dir.join(format!("logfile-{}.json", context.name))),
            time: context.timeout / 2,
        }));
        Parts {
            prober: Box::new(LogProber::new(Arc::clone(&turns), self.stale_after)),
            answers: Some(Box::new(LogAnswers::new(turns))),
        }
    }
}
