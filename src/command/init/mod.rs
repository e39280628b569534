//! `init`: looks at what is there, and writes a configuration, packs and the roles that they need.

mod choice;
mod error;
mod live_workers;
mod workspace;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use platform_core::metric::Family;
use platform_core::query::Declared;
use platform_core::setting::SourceName;
use platform_core::survey::Surveyor;
use platform_core::yaml::Faults;

pub use self::error::InitError;

use self::choice::{is_left_out, leave_out};
use self::live_workers::live;
use self::workspace::{InitAdditions, Workspace};
use super::probe::open_lanes;
use super::query::read;
use crate::cli::{Flags, InitFlags};
use crate::config::Config;
use crate::init::find::FoundSource;
use crate::init::{
    LiveWorkers, PackEntry, PackFiles, PackSubject, Proposals, Recipe, Surveyed, WorkersSource, impersonal,
    propose, proposed, recipes, rough, snake,
};
use crate::registry::Kind;
use crate::schedule::{Build, Lanes, ask, assemble, by_kind};

/// A pack for one source.
struct Pack<'a> {
    entry: PackEntry,
    kind: Kind,
    existing: PackFiles,
    proposals: Proposals,
    workers: Vec<LiveWorkers>,
    source: &'a SourceName,
    surveyor: Box<dyn Surveyor>,
}

/// Looks around, and writes what it proposes. Returns what to print.
///
/// # Errors
/// When nothing is found, or a file cannot be read or written.
pub async fn init(flags: &Flags, own: &InitFlags) -> Result<String, InitError> {
    let recipes = recipes(own.recipes.as_deref())?;
    let mut workspace = Workspace::open(own)?;
    eprint!("{}", workspace.found());
    let config = workspace.load(&InitAdditions::default()).map_err(InitError::Faults)?;
    add_names(workspace.new_sources(), &config).await;
    let build = by_kind(Arc::default(), super::variable, flags.storage_path.as_deref());
    let assembly = assemble(&config, &build);
    let lanes = assembly.lanes.clone();
    let _probers = open_lanes(assembly);
    let mut report = String::new();
    let mut packs = look(&workspace, &config, &lanes, &recipes, &mut report).await?;
    for pack in &mut packs {
        pack.proposals.list.retain(|proposal| !is_left_out(&own.without, &proposal.id));
        pack.proposals.workers.retain(|found| !is_left_out(&own.without, &found.id));
        count_workers(pack, &workspace, &build, &lanes).await;
    }
    print_proposals(&packs);
    if !own.yes && !own.dry_run {
        let ids: Vec<String> = packs.iter().flat_map(Pack::ids).map(str::to_owned).collect();
        let left_out = leave_out(&ids).map_err(InitError::Terminal)?;
        for pack in &mut packs {
            pack.proposals.list.retain(|proposal| !left_out.contains(&proposal.id.as_str()));
            pack.workers.retain(|workers| !left_out.contains(&workers.found.id.as_str()));
        }
    }
    packs.retain(|pack| pack.ids().next().is_some());
    let workers = workspace.workers(packs.iter().flat_map(|pack| pack.workers.clone()).collect());
    let normal = normal(&workspace, &packs, &workers, &lanes).await.map_err(InitError::Faults)?;
    let additions = additions(&packs, &workers, &normal);
    workspace.load(&additions).map_err(InitError::Faults)?;
    if own.dry_run {
        return Ok(report);
    }
    for path in workspace.write(&additions)? {
        writeln!(report, "{}", path.display()).expect("a string takes everything");
    }
    if let Some(path) = &own.env_file {
        workspace.write_environment(path)?;
    }
    report.push_str(&workspace.next_steps(&additions.packs, own.env_file.as_deref()));
    Ok(report)
}

impl Pack<'_> {
    /// What all that is proposed is known by, in the order in which it is printed.
    fn ids(&self) -> impl Iterator<Item = &str> {
        let workers = self.workers.iter().map(|workers| workers.found.id.as_str());
        self.proposals.list.iter().map(|proposal| proposal.id.as_str()).chain(workers)
    }
}

/// Counts the workers that a source knows of. Those that the configuration has already are not proposed.
async fn count_workers(pack: &mut Pack<'_>, workspace: &Workspace, build: &Build, lanes: &Lanes) {
    for found in std::mem::take(&mut pack.proposals.workers) {
        if workspace.has_workers(&found) {
            continue;
        }
        match live(found, build, lanes).await {
            Ok(workers) => pack.workers.push(workers),
            Err(why) => eprintln!("  {why}"),
        }
    }
}

/// How long a look at the names in a source may take.
const LOOK: Duration = Duration::from_secs(10);

/// Adds the names that new sources know of themselves, such as the queues of a broker.
async fn add_names(sources: &mut [FoundSource], config: &Config) {
    for source in sources {
        let configured = config.sources().iter().find(|(name, _)| name.as_str() == source.name);
        let surveyor = configured
            .and_then(|(_, settings)| settings.config.definition().names_surveyor(&super::variable));
        let Some(surveyor) = surveyor else { continue };
        match surveyor.names(LOOK).await {
            Ok(survey) => {
                survey.notes.iter().for_each(|note| eprintln!("{}: {note}", source.name));
                source.names = impersonal(survey.names);
            }
            Err(problem) => {
                eprintln!("{} was not looked at: {problem}", source.name);
                problem.statements().for_each(|statement| eprintln!("  it needs {statement}"));
            }
        }
    }
}

/// Looks at every source that can be looked at.
async fn look<'a>(
    workspace: &Workspace,
    config: &'a Config,
    lanes: &Lanes,
    recipes: &[Recipe],
    report: &mut String,
) -> Result<Vec<Pack<'a>>, InitError> {
    let surveyed = config.sources().iter();
    let surveyed =
        surveyed.filter_map(|(name, source)| Some((name, source, source.config.definition().surveyor()?)));
    let surveyed: Vec<_> = surveyed.collect();
    let records = surveyed.iter().filter(|(.., surveyor)| surveyor.has_records()).count();
    let all = surveyed.len();
    let mut packs = Vec::new();
    for (source, settings, surveyor) in surveyed {
        let (definition, kind) = (settings.config.definition(), settings.config.kind());
        let is_only = all == 1 || (records == 1 && surveyor.has_records());
        let entry = workspace.pack(source, surveyor.script_language(), is_only);
        let existing = workspace.pack_files(&entry)?;
        let known: BTreeSet<String> = existing.pack.as_deref().map(proposed).unwrap_or_default();
        eprint!("looking at {source} ({kind}, {}) … ", definition.target());
        let prefix = snake(&entry.name);
        let surveyed = Surveyed {
            name: source.as_str(),
            kind,
            prefix: &prefix,
            known: &known,
            surveyor: &*surveyor,
            lane: &lanes[source],
        };
        match propose(recipes, surveyed).await {
            Ok(proposals) => {
                eprintln!("{} tables", proposals.tables);
                proposals.notes.iter().for_each(|note| eprintln!("  {note}"));
                packs.push(Pack { entry, kind, existing, proposals, workers: Vec::new(), source, surveyor });
            }
            Err(problem) => {
                eprintln!("{problem}");
                writeln!(report, "{source} was not looked at: {problem}").expect("a string takes everything");
            }
        }
    }
    Ok(packs)
}

fn print_proposals(packs: &[Pack<'_>]) {
    let mut number = 0;
    for Pack { source, proposals, workers, .. } in packs {
        if proposals.list.is_empty() && workers.is_empty() {
            eprintln!("\n{source}: nothing new to propose");
            continue;
        }
        let share = proposals.share() * 100.0;
        let number_of_all = proposals.list.len() + workers.len();
        eprintln!("\n{source}: {number_of_all} proposals, {share:.2} % of a core of its server");
        for proposal in &proposals.list {
            number += 1;
            let (time, every) = (rough(proposal.time()), humantime::format_duration(proposal.every));
            eprintln!("{number:4}  {:40} {} ({time} every {every})", proposal.id, proposal.why);
        }
        for LiveWorkers { found, alive, .. } in workers {
            number += 1;
            eprintln!("{number:4}  {:40} whether workers are alive ({alive} now)", found.id);
        }
    }
    eprintln!();
}

/// The present values of the metrics that thresholds depend on. A query that fails has none.
async fn normal(
    workspace: &Workspace,
    packs: &[Pack<'_>],
    workers: &WorkersSource,
    lanes: &Lanes,
) -> Result<BTreeMap<String, f64>, Faults> {
    let config = workspace.load(&additions(packs, workers, &BTreeMap::new()))?;
    let wanted: BTreeSet<_> = packs
        .iter()
        .flat_map(|pack| &pack.proposals.list)
        .flat_map(|proposal| proposal.metrics_of_thresholds())
        .collect();
    let mut normal = BTreeMap::new();
    for query in config.queries() {
        let names = query.spec.metrics.iter().map(|metric| metric.name.as_ref());
        if !names.into_iter().any(|name| wanted.contains(name)) {
            continue;
        }
        for family in run_once(query, lanes).await {
            let values = family.samples.iter().map(|sample| sample.value);
            let most = values.fold(0.0, f64::max);
            normal.insert(family.desc.name.to_string(), most);
        }
    }
    Ok(normal)
}

/// What is added to the configuration, with the files of each pack.
fn additions(packs: &[Pack<'_>], workers: &WorkersSource, normal: &BTreeMap<String, f64>) -> InitAdditions {
    let files = packs.iter().map(|pack| {
        let proposals: Vec<_> = pack.proposals.list.iter().collect();
        let subject = PackSubject { name: &pack.entry.name, kind: pack.kind, surveyor: &*pack.surveyor };
        let workers = workers.read_from(pack.source.as_str());
        (pack.entry.name.clone(), pack.existing.with(subject, &proposals, &workers, normal))
    });
    let entries = packs.iter().map(|pack| pack.entry.clone());
    InitAdditions { packs: entries.collect(), workers: Some(workers.clone()), files: files.collect() }
}

/// The metrics of one run of a query; none if it fails.
async fn run_once(query: &Declared, lanes: &Lanes) -> Vec<Family> {
    let (rows, _) = ask(query, lanes).await;
    rows.map(|rows| read(query, rows, &mut Vec::new()).families).unwrap_or_default()
}
