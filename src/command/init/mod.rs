//! `init`: looks at what is there, and writes a configuration, packs and the roles that they need.

mod choice;
mod error;
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
use self::workspace::Workspace;
use super::probe::open_lanes;
use super::query::read;
use crate::cli::{Flags, InitFlags};
use crate::config::Config;
use crate::init::find::FoundSource;
use crate::init::{
    PackEntry, PackFiles, PackSubject, Proposals, Recipe, Surveyed, impersonal, propose, proposed, recipes,
    rough, snake,
};
use crate::registry::Kind;
use crate::schedule::{Lanes, ask, assemble, by_kind};

/// A pack for one source.
struct Pack<'a> {
    entry: PackEntry,
    kind: Kind,
    existing: PackFiles,
    proposals: Proposals,
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
    let config = workspace.load(&[], &BTreeMap::new()).map_err(InitError::Faults)?;
    add_names(workspace.new_sources(), &config).await;
    let assembly =
        assemble(&config, &by_kind(Arc::default(), super::variable, flags.storage_path.as_deref()));
    let lanes = assembly.lanes.clone();
    let _probers = open_lanes(assembly);
    let mut report = String::new();
    let mut packs = look(&workspace, &config, &lanes, &recipes, &mut report).await?;
    for pack in &mut packs {
        pack.proposals.list.retain(|proposal| !is_left_out(&own.without, &proposal.id));
    }
    print_proposals(&packs);
    if !own.yes && !own.dry_run {
        let lists = packs.iter_mut().map(|pack| &mut pack.proposals.list);
        leave_out(lists).map_err(InitError::Terminal)?;
    }
    packs.retain(|pack| !pack.proposals.list.is_empty());
    let normal = normal(&workspace, &packs, &lanes).await.map_err(InitError::Faults)?;
    let entries: Vec<_> = packs.iter().map(|pack| pack.entry.clone()).collect();
    let files = files(&packs, &normal);
    workspace.load(&entries, &files).map_err(InitError::Faults)?;
    if own.dry_run {
        return Ok(report);
    }
    for path in workspace.write(&entries, &files)? {
        writeln!(report, "{}", path.display()).expect("a string takes everything");
    }
    if let Some(path) = &own.env_file {
        workspace.write_environment(path)?;
    }
    report.push_str(&workspace.next_steps(&entries, own.env_file.as_deref()));
    Ok(report)
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
            Ok(names) => source.names = impersonal(names),
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
                packs.push(Pack { entry, kind, existing, proposals, source, surveyor });
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
    for Pack { source, proposals, .. } in packs {
        if proposals.list.is_empty() {
            eprintln!("\n{source}: nothing new to propose");
            continue;
        }
        let share = proposals.share() * 100.0;
        eprintln!("\n{source}: {} proposals, {share:.2} % of a core of its server", proposals.list.len());
        for proposal in &proposals.list {
            number += 1;
            let (time, every) = (rough(proposal.time()), humantime::format_duration(proposal.every));
            eprintln!("{number:4}  {:40} {} ({time} every {every})", proposal.id, proposal.why);
        }
    }
    eprintln!();
}

/// The present values of the metrics that thresholds depend on. A query that fails has none.
async fn normal(
    workspace: &Workspace,
    packs: &[Pack<'_>],
    lanes: &Lanes,
) -> Result<BTreeMap<String, f64>, Faults> {
    let entries: Vec<_> = packs.iter().map(|pack| pack.entry.clone()).collect();
    let config = workspace.load(&entries, &files(packs, &BTreeMap::new()))?;
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

/// The files of each pack, by its name.
fn files(packs: &[Pack<'_>], normal: &BTreeMap<String, f64>) -> BTreeMap<String, PackFiles> {
    let files = packs.iter().map(|pack| {
        let proposals: Vec<_> = pack.proposals.list.iter().collect();
        let subject = PackSubject { name: &pack.entry.name, kind: pack.kind, surveyor: &*pack.surveyor };
        (pack.entry.name.clone(), pack.existing.with(subject, &proposals, normal))
    });
    files.collect()
}

/// The metrics of one run of a query; none if it fails.
async fn run_once(query: &Declared, lanes: &Lanes) -> Vec<Family> {
    let (rows, _) = ask(query, lanes).await;
    rows.map(|rows| read(query, rows, &mut Vec::new()).families).unwrap_or_default()
}
