//! What to propose for one source: from its survey to proposals that it can afford.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use platform_core::probe::Problem;
use platform_core::query::{Lane, Question};
use platform_core::survey::{QueryCost, SourceSurvey, Surveyor};
use platform_core::yaml::{self, Faults};

use super::cadence::{cadences, share};
use super::matching::{KnownValues, apply, columns_to_read};
use super::proposal::{Proposal, TIMEOUT};
use super::recipe::Recipe;
use super::tables::{leave_out_unusable, sort_by_weight};
use super::workers::{self, FoundWorkers};
use crate::registry::{Kind, languages};

/// What is proposed for a source, and what there is to know about it.
#[derive(Debug)]
pub struct Proposals {
    /// The proposals, in the order of a dashboard.
    pub list: Vec<Proposal>,
    /// The workers whose heartbeats are there.
    pub workers: Vec<FoundWorkers>,
    /// How many tables were looked at.
    pub tables: usize,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

/// A source to look at.
#[derive(Clone, Copy)]
pub struct Surveyed<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its kind.
    pub kind: Kind,
    /// What the names of metrics begin with.
    pub prefix: &'a str,
    /// What is proposed already.
    pub known: &'a BTreeSet<String>,
    /// Looks at it.
    pub surveyor: &'a dyn Surveyor,
    /// Through this.
    pub lane: &'a Lane,
}

/// How long a look at the catalogue may take.
const LOOK: Duration = Duration::from_secs(10);

/// Looks at a source, and proposes what recipes have for it.
///
/// # Errors
/// When the source cannot be reached, or rejects a query.
pub async fn propose(recipes: &[Recipe], source: Surveyed<'_>) -> Result<Proposals, Problem> {
    let Surveyed { surveyor, lane, .. } = source;
    let mut survey = surveyor.tables(lane, LOOK).await?;
    let mut notes = notes(&survey);
    let all = survey.tables.len();
    leave_out_unusable(&mut survey, &mut notes);
    sort_by_weight(&mut survey);
    let recipes: Vec<_> = recipes.iter().filter(|recipe| recipe.head.kind == source.kind).collect();
    let read = columns_to_read(&recipes, &survey);
    let values: KnownValues = surveyor.values(lane, &survey, &read, LOOK).await?.into_iter().collect();
    let applied = apply(&recipes, &survey, &values, &mut notes);
    let workers = applied.iter().flat_map(|applied| workers::found(applied, source.name));
    let workers = workers.filter(|found| !source.known.contains(&found.id)).collect();
    let proposed = applied.iter().filter_map(|applied| Proposal::of(applied, source.prefix, source.name));
    let mut list = new_ones(proposed.collect(), source.known);
    for proposal in &mut list {
        match costs(source, &survey, proposal).await {
            Ok(costs) => proposal.costs = costs,
            Err(problem) => notes.push(format!("{}: not proposed: {problem}", proposal.id)),
        }
    }
    list.retain(|proposal| !proposal.costs.is_empty());
    let uses = list.iter().flat_map(|proposal| &proposal.uses);
    let secured: BTreeSet<_> = uses.filter(|used| used.has_row_security).map(|used| &used.table).collect();
    notes.extend(
        secured
            .into_iter()
            .map(|table| format!("{table}: has row-level security: the role needs a policy to see its rows")),
    );
    Ok(Proposals { list: affordable(list, &mut notes), workers, tables: all, notes })
}

/// Those that are not proposed already, in the order of a dashboard. Two recipes may be about one column, and call their
/// queries the same: only the first of them is proposed.
fn new_ones(proposed: Vec<Proposal>, known: &BTreeSet<String>) -> Vec<Proposal> {
    let (old, mut new): (Vec<_>, Vec<_>) =
        proposed.into_iter().partition(|proposal| known.contains(&proposal.id));
    let mut names: BTreeSet<String> = old.iter().flat_map(Proposal::names_of_queries).collect();
    new.sort_by_key(|proposal| proposal.section);
    new.retain(|proposal| {
        let own = proposal.names_of_queries();
        let is_first = own.is_disjoint(&names);
        if is_first {
            names.extend(own);
        }
        is_first
    });
    new
}

/// What was not looked at.
fn notes(survey: &SourceSurvey) -> Vec<String> {
    let tables = |number: usize, why: &str| {
        (number > 0).then(|| format!("{number} table{} {why}", if number == 1 { "" } else { "s" }))
    };
    let small = tables(survey.not_looked_at, "not looked at: only the largest are");
    let unreadable = tables(survey.unreadable, "not looked at: the account cannot read them");
    small.into_iter().chain(unreadable).chain(survey.notes.clone()).collect()
}

/// The estimates of its queries. None of them is run.
async fn costs(
    source: Surveyed<'_>,
    survey: &SourceSurvey,
    proposal: &Proposal,
) -> Result<Vec<QueryCost>, Problem> {
    let mut costs = Vec::new();
    for query in proposal.parts(&BTreeMap::new()).queries {
        let Some(question) = question(&query) else { continue };
        costs.push(source.surveyor.cost(source.lane, survey, &question, TIMEOUT).await?);
    }
    Ok(costs)
}

/// The question of a query as it is written in a pack.
pub(super) fn question(query: &str) -> Option<Question> {
    let mut faults = Faults::of("query");
    let tree = yaml::parse_literally(query, &mut faults)?;
    let query = tree.elements().first()?;
    languages().iter().find_map(|language| {
        let path = yaml::Path::default().key(language.key);
        (language.read)(query.get(language.key)?, &path, &mut faults)
    })
}

/// Gives each proposal its cadence, and leaves out those that cost too much.
fn affordable(list: Vec<Proposal>, notes: &mut Vec<String>) -> Vec<Proposal> {
    let (list, too_long): (Vec<_>, Vec<_>) =
        list.into_iter().partition(|proposal| proposal.costs.iter().all(|cost| cost.longest <= TIMEOUT));
    let why = |proposal: &Proposal, why: &str| format!("{}: not proposed: {why}", proposal.id);
    notes.extend(too_long.iter().map(|proposal| why(proposal, "its query would take more than 30 s")));
    let times: Vec<Duration> = list.iter().map(Proposal::time).collect();
    let mut affordable = Vec::new();
    for (mut proposal, every) in list.into_iter().zip(cadences(&times)) {
        match every {
            Some(every) => {
                proposal.every = every;
                affordable.push(proposal);
            }
            None => {
                notes.push(why(&proposal, "it would take too much of the server's time, even once a day"))
            }
        }
    }
    affordable
}

impl Proposals {
    /// The share of one core that its queries take of the server.
    pub fn share(&self) -> f64 {
        share(self.list.iter().map(|proposal| (proposal.time(), proposal.every)))
    }
}
