//! The files that `init` reads and writes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use platform_core::setting::SourceName;
use platform_core::survey::ScriptLanguage;
use platform_core::yaml::Faults;

use super::super::{names_of_variables, variable, write_file};
use super::error::InitError;
use crate::cli::InitFlags;
use crate::config::{self, Checks, Config, ConfigFile, Surroundings};
use crate::init::find::{Findings, FoundSource, FoundVariable, find};
use crate::init::{
    FoundWorkers, LiveWorkers, PackEntry, PackFiles, Present, WorkersSource, is_configured, platform_text,
    present, snake,
};

/// The configuration's file.
const PLATFORM: &str = "platform.yml";

/// What is added to what is there.
#[derive(Default)]
pub(super) struct InitAdditions {
    /// The packs, also those that the configuration has and that only get more in their files.
    pub(super) packs: Vec<PackEntry>,
    /// The workers.
    pub(super) workers: Option<WorkersSource>,
    /// The files of each pack, by its name.
    pub(super) files: BTreeMap<String, PackFiles>,
}

/// What is there before anything is written.
pub(super) struct Workspace {
    out: PathBuf,
    name: String,
    findings: Findings,
    /// All variables that were found, those of sources that are known already as well.
    variables: Vec<FoundVariable>,
    platform: Option<String>,
    present: Present,
}

impl Workspace {
    /// Finds what the environment and the files of the directory name.
    pub(super) fn open(flags: &InitFlags) -> Result<Self, InitError> {
        let mut findings = find(&flags.directory, &variable, &names_of_variables());
        let out = flags.out.clone().unwrap_or_else(|| flags.directory.clone());
        let out = if out == Path::new(".") { PathBuf::new() } else { out };
        let platform = read(&out.join(PLATFORM))?;
        let file = out.join(PLATFORM).display().to_string();
        let present = platform.as_deref().map(|text| present(text, &file)).transpose();
        let present = present.map_err(InitError::Faults)?.unwrap_or_default();
        let settings = findings.sources.iter().flat_map(|source| &source.settings);
        let variables = settings.flat_map(|setting| setting.variables.clone()).collect();
        keep_new(&mut findings, &present);
        if findings.sources.is_empty() && present.sources.is_empty() {
            return Err(InitError::NothingFound(flags.directory.clone()));
        }
        let name = flags.name.clone().unwrap_or_else(|| name_of(&flags.directory));
        Ok(Self { out, name: snake(&name), findings, variables, platform, present })
    }

    /// What was found, for people.
    pub(super) fn found(&self) -> String {
        self.findings.to_string()
    }

    /// The sources that the configuration does not have yet.
    pub(super) fn new_sources(&mut self) -> &mut [FoundSource] {
        &mut self.findings.sources
    }

    /// The pack of a source: the one that the configuration has for it, or a new one.
    pub(super) fn pack(&self, source: &SourceName, script: ScriptLanguage, is_only: bool) -> PackEntry {
        let name = match is_only {
            true => self.name.clone(),
            false => format!("{}_{}", self.name, snake(source.as_str())),
        };
        PackEntry { file: format!("packs/{name}.yml"), name, source: source.to_string(), script }
    }

    /// The files of a pack that exist.
    pub(super) fn pack_files(&self, entry: &PackEntry) -> Result<PackFiles, InitError> {
        let [pack, role, indexes, tests] = self.paths(entry).map(|path| read(&path));
        Ok(PackFiles { pack: pack?, role: role?, indexes: indexes?, tests: tests? })
    }

    fn paths(&self, PackEntry { name, script, .. }: &PackEntry) -> [PathBuf; 4] {
        let packs = self.out.join("packs");
        let [role, indexes] = ["role", "indexes"].map(|what| format!(".{what}.{}", script.extension));
        [".yml", &role, &indexes, "_test.yml"].map(|end| packs.join(format!("{name}{end}")))
    }

    /// Names for classes of workers, in the source that the configuration has or gets for them.
    pub(super) fn workers(&self, workers: Vec<LiveWorkers>) -> WorkersSource {
        let found = self.findings.sources.iter().map(|source| &source.name);
        let taken = found.chain(&self.present.sources).cloned().collect();
        WorkersSource::of(self.platform.as_deref(), &taken, workers)
    }

    /// Whether the configuration has a class of workers already.
    pub(super) fn has_workers(&self, found: &FoundWorkers) -> bool {
        self.platform.as_deref().is_some_and(|text| is_configured(text, found))
    }

    /// The configuration as it would be with this, with everything that `check` checks.
    pub(super) fn load(&self, additions: &InitAdditions) -> Result<Config, Faults> {
        let paths = additions.packs.iter().map(|entry| {
            let [pack, ..] = self.paths(entry);
            (pack, additions.files[&entry.name].pack.clone().unwrap_or_default())
        });
        let in_memory: BTreeMap<PathBuf, String> = paths.collect();
        let file = |name: &str| match in_memory.get(Path::new(name)) {
            Some(text) => Ok(text.clone()),
            None => std::fs::read_to_string(name),
        };
        let text = self.platform_text(additions);
        let name = self.out.join(PLATFORM).display().to_string();
        let file_of_config = ConfigFile { name, directory: self.out.clone(), text };
        let variable = |name: &str| self.variable(name);
        let surroundings = Surroundings { variable: &variable, file: &file };
        config::load_files(
            &[file_of_config],
            surroundings,
            Checks { bundle: Some(&crate::bundle::check), files: None },
        )
    }

    fn platform_text(&self, InitAdditions { packs, workers, .. }: &InitAdditions) -> String {
        let sources: Vec<_> = self.findings.sources.iter().collect();
        let new = packs.iter().filter(|entry| !self.present.packs.contains(&entry.name));
        let new: Vec<_> = new.cloned().collect();
        platform_text(self.platform.as_deref(), &sources, workers.as_ref(), &new)
    }

    /// What a variable is in the files that were found, or in the environment.
    fn variable(&self, name: &str) -> Option<String> {
        let found = self.variables.iter().filter(|variable| variable.name == name);
        let found = found.filter_map(FoundVariable::exposed).next();
        found.map(str::to_owned).or_else(|| variable(name))
    }

    /// Writes all files whose text is new. Returns their paths.
    pub(super) fn write(&self, additions: &InitAdditions) -> Result<Vec<PathBuf>, InitError> {
        let mut texts = vec![(self.out.join(PLATFORM), Some(self.platform_text(additions)))];
        for entry in &additions.packs {
            let PackFiles { pack, role, indexes, tests } = additions.files[&entry.name].clone();
            texts.extend(self.paths(entry).into_iter().zip([pack, role, indexes, tests]));
        }
        let mut written = Vec::new();
        for (path, text) in texts {
            let Some(text) = text.filter(|text| read(&path).ok().flatten().as_ref() != Some(text)) else {
                continue;
            };
            let failed = |error| InitError::File { action: "write", path: path.clone(), error };
            write_file(&path, &text).map_err(failed)?;
            written.push(path);
        }
        Ok(written)
    }

    /// The variables that the configuration needs and the environment of this process has not, or with another value.
    fn missing_variables(&self) -> BTreeMap<&str, &str> {
        let new = self.findings.sources.iter().flat_map(|source| &source.settings);
        let new: BTreeSet<_> =
            new.flat_map(|setting| &setting.variables).map(|variable| &variable.name).collect();
        let is_needed = |found: &&FoundVariable| {
            new.contains(&found.name) || self.present.variables.contains(&found.name)
        };
        let needed = self.variables.iter().filter(is_needed);
        let values = needed.filter_map(|found| Some((found.name.as_str(), found.exposed()?)));
        values.filter(|(name, value)| variable(name).as_deref() != Some(value)).collect()
    }

    /// Writes the values of the variables to a file that only its owner can read, without those that it has.
    pub(super) fn write_environment(&self, path: &Path) -> Result<(), InitError> {
        let failed = |error| InitError::File { action: "write", path: path.to_owned(), error };
        let existing = read(path)?.unwrap_or_default();
        let is_there = |name: &str| existing.lines().any(|line| line.starts_with(&format!("{name}=")));
        let new = self.missing_variables().into_iter().filter(|(name, _)| !is_there(name));
        let lines: String =
            new.map(|(name, value)| format!("{name}='{}'\n", value.replace('\'', "'\\''"))).collect();
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(failed)?;
        file.write_all(lines.as_bytes()).map_err(failed)
    }

    /// What to do with the files.
    pub(super) fn next_steps(&self, packs: &[PackEntry], environment: Option<&Path>) -> String {
        let platform = self.out.join(PLATFORM);
        let roles =
            packs.iter().map(|entry| format!("\n  {} {}", entry.script.run, self.paths(entry)[1].display()));
        let missing: Vec<_> = self.missing_variables().into_keys().collect();
        let environment = match environment {
            Some(path) => format!("\n  set -a; . {}; set +a", path.display()),
            None if missing.is_empty() => String::new(),
            None => format!(
                "\n  set {} for the exporter (`init --env-file FILE` writes a file with their values)",
                missing.join(", ")
            ),
        };
        format!(
            "\nNext:{environment}{}\n  platform_exporter check --live --config.file {platform}\n  \
             platform_exporter bundle --config.file {platform} --out {out}\n  \
             platform_exporter --config.file {platform}\n",
            roles.collect::<String>(),
            platform = platform.display(),
            out = self.out.join("out").display(),
        )
    }
}

/// Leaves out what the configuration has already, and what cannot be connected to because its value is not known.
fn keep_new(findings: &mut Findings, present: &Present) {
    let Findings { sources, notes } = findings;
    let variables = |source: &FoundSource| {
        source.settings.iter().flat_map(|setting| setting.variables.clone()).collect::<Vec<_>>()
    };
    let is_known = |source: &FoundSource| {
        variables(source).iter().all(|variable| present.variables.contains(&variable.name))
    };
    sources.retain(|source| !is_known(source));
    let unknown = |source: &FoundSource| -> Vec<String> {
        let unknown = variables(source).into_iter().filter(|variable| variable.value.is_none());
        unknown.map(|variable| variable.name).collect()
    };
    notes.extend(sources.iter().filter(|source| !unknown(source).is_empty()).map(|source| {
        format!(
            "{} is left out, because its value is not known here: set {} and run `init` again",
            source.name,
            unknown(source).join(", ")
        )
    }));
    sources.retain(|source| unknown(source).is_empty());
    for source in sources {
        while present.sources.contains(&source.name) {
            source.name.push_str("-2");
        }
    }
}

/// The names of metrics do not begin with these.
const RESERVED: [&str; 3] = ["scrape_", "process_", "platform_"];

/// The name of a directory, if it can be the name of a platform.
fn name_of(directory: &Path) -> String {
    let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    let name = directory.file_name().map(|name| snake(&name.to_string_lossy())).unwrap_or_default();
    let is_usable = name.starts_with(|first: char| first.is_ascii_lowercase())
        && !RESERVED.iter().any(|prefix| format!("{name}_").starts_with(prefix));
    if is_usable { name } else { "app".to_owned() }
}

/// The text of a file, if there is one.
fn read(path: &Path) -> Result<Option<String>, InitError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(InitError::File { action: "read", path: path.to_owned(), error }),
    }
}
