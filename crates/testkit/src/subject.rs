//! One source under test, built from YAML as the exporter builds it, and probed by hand.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use platform_core::built_in::ParsedQueries;
use platform_core::heartbeat::Heartbeats;
use platform_core::kind::Context;
use platform_core::metric::Family;
use platform_core::probe::{Observation, Prober, Problem, Reason};
use platform_core::query::{Answers, Columns, Lane, Question, Rows, lane};
use platform_core::setting::SourceName;
use platform_core::yaml::{self, Faults, Path};
use platform_exporter::registry::SourceConfig;

/// A source's running parts.
pub struct Subject {
    prober: Box<dyn Prober>,
    answers: Option<Box<dyn Answers>>,
    timeout: Duration,
}

/// What a source is built with beside its YAML.
pub struct Surroundings {
    pub timeout: Duration,
    pub questions: Vec<Question>,
    pub lanes: BTreeMap<SourceName, Lane>,
    pub heartbeats: Arc<Heartbeats>,
    /// The environment.
    pub variables: BTreeMap<&'static str, String>,
    pub state_dir: Option<PathBuf>,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(2),
            questions: Vec::new(),
            lanes: BTreeMap::new(),
            heartbeats: Arc::default(),
            variables: BTreeMap::new(),
            state_dir: None,
        }
    }
}

impl Surroundings {
    /// Adds the query lane of another source; its task ends with the test's runtime.
    pub fn lane(mut self, name: &str, mut subject: Subject) -> Self {
        let (lane, mut inbox) = lane();
        let mut answers = subject.answers.take().expect("a source that can be asked");
        tokio::spawn(async move { inbox.serve(answers.as_mut()).await });
        self.lanes.insert(SourceName::try_from(name.to_owned()).expect("a good name"), lane);
        self
    }

    /// Builds a source from its kind's key and content: `redis: {url: …}`.
    ///
    /// # Panics
    /// With every fault of the YAML.
    pub fn source(&self, yaml: &str) -> Subject {
        super::install_ring();
        let config = config(yaml).unwrap_or_else(|faults| panic!("{faults}"));
        let name = SourceName::try_from("subject".to_owned()).expect("a good name");
        let parts = config.definition().build(&Context {
            name: &name,
            timeout: self.timeout,
            questions: &self.questions,
            lanes: &self.lanes,
            built_in: &ParsedQueries::default(),
            heartbeats: &self.heartbeats,
            variable: &|name| self.variables.get(name).cloned(),
            state_dir: self.state_dir.as_deref(),
        });
        Subject { prober: parts.prober, answers: parts.answers, timeout: self.timeout }
    }
}

/// Builds a source with nothing around it.
pub fn source(yaml: &str) -> Subject {
    Surroundings::default().source(yaml)
}

/// Decodes the configuration of one source.
pub fn config(yaml: &str) -> Result<SourceConfig, Faults> {
    let mut faults = Faults::of("source.yml");
    let tree = yaml::parse(yaml, &|name| std::env::var(name).ok(), &mut faults);
    let config = tree.and_then(|tree| yaml::decode(&tree, &Path::default(), &mut faults));
    config.ok_or(faults)
}

impl Subject {
    /// One probe under the deadline, as the schedule runs it.
    pub async fn probe(&mut self) -> Result<Observation, Problem> {
        tokio::time::timeout(self.timeout, self.prober.probe())
            .await
            .unwrap_or_else(|_| Err(Problem::new(Reason::Timeout, "deadline")))
    }

    /// One probe, while a question is under way on the query lane.
    pub async fn probe_beside(
        &mut self,
        question: &Question,
    ) -> (Result<Observation, Problem>, Result<Rows, Problem>) {
        self.probe_after(std::future::ready(()), question).await
    }

    /// As [`Self::probe_beside`], with a probe that begins when something has happened.
    pub async fn probe_after(
        &mut self,
        event: impl Future<Output = ()>,
        question: &Question,
    ) -> (Result<Observation, Problem>, Result<Rows, Problem>) {
        let answers = self.answers.as_mut().expect("a source that can be asked");
        let probe = async {
            event.await;
            self.prober.probe().await
        };
        tokio::join!(probe, answers.rows(question, &Columns::All, self.timeout))
    }

    /// One question on the query lane.
    pub async fn rows(&mut self, question: &Question) -> Result<Rows, Problem> {
        self.read(question, &Columns::All).await
    }

    /// One question, of whose answer these columns are read.
    pub async fn read(&mut self, question: &Question, columns: &Columns) -> Result<Rows, Problem> {
        let answers = self.answers.as_mut().expect("a source that can be asked");
        tokio::time::timeout(self.timeout, answers.rows(question, columns, self.timeout))
            .await
            .unwrap_or_else(|_| Err(Problem::new(Reason::Timeout, "deadline")))
    }
}

/// The value of a family's sample with these label values, in their order.
pub fn value(families: &[Family], name: &str, labels: &[&str]) -> Option<f64> {
    let family = families.iter().find(|family| family.desc.name == name)?;
    family.samples.iter().find(|sample| sample.labels[..] == *labels).map(|sample| sample.value)
}
