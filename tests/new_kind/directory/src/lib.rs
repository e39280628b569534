//! Directories: how many files are in one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use platform_core::kind::{Context, Definition, Headline, KindFacts, Parts, Unit};
use platform_core::metric::Desc;
use platform_core::off_thread::OffThread;
use platform_core::probe::{Observation, Prober, Problem, Reason};

const FILES: Desc = Desc::gauge("directory_files", &[], "Number of entries in the directory.");

/// What is the same for every source of this kind.
pub const FACTS: KindFacts = KindFacts {
    name: "directory",
    interval: Duration::from_secs(15),
    timeout: Duration::from_secs(5),
    is_metered: false,
    up: None,
    catalogue: || vec![FILES],
    reasons: &[],
    answers: |_| false,
    permissions: "Read permission on the directory.",
    rules: include_str!("../rules.yml"),
    dashboard: include_str!("../dashboard.yml"),
    headlines: &[Headline { title: "Files", metric: "directory_files", unit: Unit::Count }],
};

/// The keys of a `directory` source.
#[derive(Clone, Debug, serde::Deserialize)]
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
        Parts { prober: Box::new(prober), answers: None }
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
    let entries = std::fs::read_dir(path).map_err(|error| Problem::new(Reason::NotFound, error))?;
    Ok(entries.count())
}
