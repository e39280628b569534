//! Directories: how many files are in one. Queries count those with an extension.

use std::path::{Path, PathBuf};
use std::time::Duration;

use platform_core::kind::{
    Context, Definition, EnvironmentKey, Headline, HeadlineUnit, KindFacts, Parts, ProbeCost,
};
use platform_core::metric::Desc;
use platform_core::off_thread::OffThread;
use platform_core::probe::{KindReason, Observation, Prober, Problem, Reason};
use platform_core::query::{Answers, Cell, Columns, Language, LanguageFacts, Misuse, Question, Rows};

const FILES: Desc = Desc::gauge("directory_files", &[], "Number of entries in the directory.");

/// There is a file in the place of the directory.
const NOT_A_DIRECTORY: Reason =
    Reason::OfKind(&KindReason { name: "not_a_directory", meaning: "there is a file in its place" });

/// What is the same for every source of this kind.
pub const FACTS: KindFacts = KindFacts {
    name: "directory",
    interval: Duration::from_secs(15),
    timeout: Duration::from_secs(5),
    is_metered: false,
    cost: ProbeCost { cpu: Duration::from_micros(100), wire: 0, series: 1 },
    up: None,
    catalogue: || vec![FILES],
    prefixes: Vec::new,
    reasons: &[NOT_A_DIRECTORY],
    language: Some(LanguageFacts::of::<FilesQuestion>()),
    environment: &[EnvironmentKey { key: "path", variables: &["UPLOAD_DIRECTORY"] }],
    permissions: "Read permission on the directory.",
    rules: include_str!("../rules.yml"),
    dashboard: include_str!("../dashboard.yml"),
    runbook: include_str!("../runbook.md"),
    example: include_str!("../example.yml"),
    recipes: &[],
    headlines: &[Headline { title: "Files", metric: "directory_files", unit: HeadlineUnit::Count }],
};

/// The keys of a `directory` source.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    path: PathBuf,
}

impl Definition for Config {
    fn target(&self) -> String {
        self.path.display().to_string()
    }

    fn build(&self, _: &Context<'_>) -> Parts {
        let prober = DirectoryProber { path: self.path.clone(), counting: OffThread::default() };
        Parts { prober: Box::new(prober), answers: Some(Box::new(DirectoryAnswers(self.path.clone()))) }
    }
}

/// A query: how many files have this extension.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct FilesQuestion {
    extension: String,
}

impl Language for FilesQuestion {
    const KEY: &'static str = "files";

    fn check(&self) -> Result<(), Misuse> {
        if self.extension.is_empty() { Err("expected an `extension`, such as `png`".into()) } else { Ok(()) }
    }
}

struct DirectoryAnswers(PathBuf);

#[async_trait::async_trait]
impl Answers for DirectoryAnswers {
    async fn rows(&mut self, question: &Question, _: &Columns, _: Duration) -> Result<Rows, Problem> {
        let FilesQuestion { extension } = question.read()?;
        let entries = std::fs::read_dir(&self.0).map_err(|error| Problem::new(Reason::NotFound, error))?;
        let wanted = |path: &Path| path.extension().is_some_and(|found| found.to_str() == Some(&extension));
        let count = entries.flatten().filter(|entry| wanted(&entry.path())).count();
        Ok(Rows::new(vec!["count".to_owned()], vec![vec![Cell::Number(count as f64)]]))
    }
}

struct DirectoryProber {
    path: PathBuf,
    /// A file system that hangs must not stop other sources.
    counting: OffThread<Result<usize, Problem>>,
}

#[async_trait::async_trait]
impl Prober for DirectoryProber {
    async fn probe(&mut self) -> Result<Observation, Problem> {
        let path = self.path.clone();
        let files = self.counting.run(move |_| count(&path)).await??;
        Ok(Observation { families: vec![FILES.value(files as f64)], ..Observation::default() })
    }
}

fn count(path: &Path) -> Result<usize, Problem> {
    match std::fs::read_dir(path) {
        Ok(entries) => Ok(entries.count()),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
            Err(Problem::new(NOT_A_DIRECTORY, error))
        }
        Err(error) => Err(Problem::new(Reason::NotFound, error)),
    }
}
