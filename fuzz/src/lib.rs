//! Shared by the fuzz targets: a source built as in the exporter, and a stand-in for its service that responds with the
//! fuzzer's bytes. This fuzzes the whole path, including the driver, through public functions only.

mod broker;
mod mongo;
mod script;
mod value;

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use platform_core::built_in::ParsedQueries;
use platform_core::kind::{Context, Parts};
use platform_core::metric::{Exposition, Family, Format, Lines, encode};
use platform_core::probe::Problem;
use platform_core::query::{Columns, Lane, Question};
use platform_core::setting::SourceName;
use platform_core::yaml::{self, Faults};
use platform_exporter::registry::SourceConfig;
use tokio::runtime::{Builder, Runtime};

pub use script::Protocol;
use script::Script;
pub use value::Value;

/// Must not appear in any problem.
pub const SECRET: &str = "hunter2nevershown";
/// Short, because a service with an incomplete response uses all of it.
const TIMEOUT: Duration = Duration::from_millis(250);

/// A service that responds with the fuzzer's bytes, and the runtime it shares with the source.
pub struct Stage {
    runtime: Runtime,
    script: Arc<Script>,
    address: SocketAddr,
}

impl Stage {
    /// Starts the stand-in.
    pub fn start(protocol: Protocol) -> Self {
        // Another target of the same process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let script = Arc::new(Script::default());
        let address = runtime.block_on(Arc::clone(&script).serve(protocol));
        Self { runtime, script, address }
    }

    /// Probes a source and runs queries on it, with these bytes as the responses of its service: one per connection or
    /// request, separated by lines of `----`. In `yaml`, `ADDRESS` is the service's address.
    pub fn ask(&self, yaml: &str, questions: &[Question], answers: &[u8]) {
        self.script.begin(answers);
        let yaml = yaml.replace("ADDRESS", &self.address.to_string());
        let mut parts = source(&yaml, questions, &BTreeMap::new(), None);
        self.runtime.block_on(async {
            match tokio::time::timeout(TIMEOUT, parts.prober.probe()).await {
                Ok(Ok(observation)) => {
                    check_families(observation.families);
                    observation.problems.iter().for_each(|problem| check_problem(problem, answers));
                }
                Ok(Err(problem)) => check_problem(&problem, answers),
                Err(_) => {}
            }
            let Some(lane) = &mut parts.answers else { return };
            for question in questions {
                match tokio::time::timeout(TIMEOUT, lane.rows(question, &Columns::All, TIMEOUT)).await {
                    Ok(Ok(rows)) => assert!(rows.rows.iter().all(|row| row.len() == rows.columns.len())),
                    Ok(Err(problem)) => check_problem(&problem, answers),
                    Err(_) => {}
                }
            }
        });
    }
}

/// Builds a source from its kind's key and content, and the lanes of the sources it queries.
pub fn source(
    yaml: &str,
    questions: &[Question],
    lanes: &BTreeMap<SourceName, Lane>,
    state_dir: Option<&Path>,
) -> Parts {
    let mut faults = Faults::of("source.yml");
    let tree = yaml::parse(yaml, &|_| None, &mut faults);
    let config: Option<SourceConfig> =
        tree.and_then(|tree| yaml::decode(&tree, &yaml::Path::default(), &mut faults));
    let config = config.unwrap_or_else(|| panic!("{faults}"));
    let name = source_name("subject");
    config.definition().build(&Context {
        name: &name,
        timeout: TIMEOUT,
        questions,
        lanes,
        built_in: &ParsedQueries::default(),
        heartbeats: &Arc::default(),
        variable: &|_| None,
        state_dir,
    })
}

/// The name of a source.
pub fn source_name(name: &str) -> SourceName {
    SourceName::try_from(name.to_owned()).expect("a good name")
}

/// Whatever the response: label sets are unique, each has a value for each name, and both formats can be encoded.
pub fn check_families(families: Vec<Family>) {
    let mut exposition = Exposition::default();
    for family in &families {
        let mut seen = HashSet::new();
        for sample in &family.samples {
            assert_eq!(sample.labels.len(), family.desc.labels.len(), "{}", family.desc.name);
            assert!(seen.insert(&sample.labels), "{} has {:?} twice", family.desc.name, sample.labels);
        }
        for histogram in &family.histograms {
            assert_eq!(histogram.labels.len(), family.desc.labels.len(), "{}", family.desc.name);
            assert!(seen.insert(&histogram.labels), "{} has {:?} twice", family.desc.name, histogram.labels);
        }
    }
    exposition.put(None, Lines::renew(&[], None, families));
    let _ = (encode(&exposition, Format::Text), encode(&exposition, Format::OpenMetrics));
}

/// A problem never contains a secret, unless the service sent it.
fn check_problem(problem: &Problem, answers: &[u8]) {
    let reported = answers.windows(SECRET.len()).any(|bytes| bytes == SECRET.as_bytes());
    assert!(reported || !problem.to_string().contains(SECRET), "{problem}");
}
