//! The keys of a database as tables, for recipes: known keys of job systems, and the patterns of all others that a bounded look
//! finds. Nothing but names of keys, and the members of sets of queues, is read.

use std::collections::BTreeSet;
use std::time::Duration;

use platform_core::probe::{Problem, Reason};
use platform_core::query::{Columns, Lane, Language, Question, Rows};
use platform_core::survey::{
    ColumnPosition, ColumnType, MOST_VALUES, QueryCost, ScriptLanguage, SourceSurvey, SurveyedColumn,
    SurveyedTable, Surveyor, TableUse,
};
use serde_json::{Value, json};

use super::acl_rules::AclRules;
use super::question::RedisQuestion;
use super::question_form::{QuestionForm, ReadIds, SetKeys};
use super::scan::over_budget;

/// So many steps are looked at, each of about 1,000 keys.
const STEPS: u32 = 100;

/// Keys of job systems behind the prefix of an application. A look may miss a single key among many others.
const ROOTS: [&str; 7] = ["queues", "processes", "schedule", "retry", "dead", "workers", "failed"];

/// The same without a prefix; the second is the name of the table, where keys of the pattern are only known by one.
const FIXED_ROOTS: [(&str, &str); 5] = [
    ("rq:queues", "rq:queues"),
    ("unacked", "unacked"),
    ("unacked_index", "unacked_index"),
    ("_kombu.binding.celery", "_kombu.binding.*"),
    ("_kombu.binding.celeryev", "_kombu.binding.*"),
];

/// Sets, and patterns of sets, in whose members a part is the name of a queue, as a regular expression. Names with a dot are
/// those of Celery's own, one for each worker.
const NAMES_IN_MEMBERS: [(&str, &str); 2] =
    [("rq:queues", "^rq:queue:(.+)$"), ("_kombu.binding.*", r"\x06\x16([^.\x06]+)$")];

/// The keys of a queue of BullMQ that are there once it was used. There is one for each queue, among one for each job: a look
/// may miss them.
const OF_BULLMQ: [(&str, &str); 2] = [("bull:*:meta", "hash"), ("bull:*:id", "string")];

/// Prefixes that are looked behind in any case.
const PREFIXES: [&str; 2] = ["", "resque:"];

/// At most so many prefixes are looked behind.
const MOST_PREFIXES: usize = 20;

/// The server's time for a command, and for a key that a walk passes.
const COMMAND: Duration = Duration::from_micros(5);
const KEY: Duration = Duration::from_micros(1);

/// What a probe needs, and more than most queries do.
const ROLE: &str = include_str!("../role.acl");

/// The rules of [`ROLE`] that only queries and `keys` need.
const OF_KEYS: [&str; 11] = [
    "~*",
    "+dbsize",
    "+scan",
    "+type",
    "+strlen",
    "+llen",
    "+scard",
    "+zcard",
    "+hlen",
    "+xlen",
    "+xinfo|groups",
];

const HEAD: &str = "\
# What a probe needs, and what the queries of the pack read, and nothing else. Include this file from redis.conf, or apply the
# rule to a running server with redis-cli ACL SETUSER and the text after `user`. With an `aclfile`, put the rule there.
";
const HEAD_OF_SELECTOR: &str =
    "# What is in parentheses is allowed for the keys there and no others, and needs Redis 7.\n";

/// Surveys a database.
#[derive(Debug)]
pub(super) struct RedisSurveyor {
    /// A walk over more keys than this is refused.
    pub(super) scan_budget: u64,
}

#[async_trait::async_trait]
impl Surveyor for RedisSurveyor {
    async fn tables(&self, lane: &Lane, timeout: Duration) -> Result<SourceSurvey, Problem> {
        let look = rows(lane, json!({"scan": "*", "patterns": STEPS}), timeout).await?;
        let mut survey = SourceSurvey::default();
        let mut prefixes: BTreeSet<String> = PREFIXES.map(str::to_owned).into();
        let (mut seen, mut patterns) = (0.0, Vec::new());
        for row in &look.rows {
            let (pattern, count) = (look.text(row, "pattern"), look.number(row, "count"));
            seen += count;
            let root = ROOTS.iter().find_map(|root| pattern.strip_suffix(root));
            if let Some(prefix) =
                root.filter(|prefix| !prefix.contains('*') && prefixes.len() < MOST_PREFIXES)
            {
                prefixes.insert(prefix.to_owned());
            } else if pattern.contains('*') && !pattern.starts_with('*') {
                patterns.push(table(&pattern, &look.text(row, "type"), count));
            }
        }
        let roots = prefixes.iter().flat_map(|prefix| ROOTS.map(|root| format!("{prefix}{root}")));
        let fixed = FIXED_ROOTS.iter().map(|(key, _)| (*key).to_owned());
        let keys: Vec<String> = roots.chain(fixed).collect();
        let types = rows(lane, json!({"command": ["TYPE"], "keys": keys}), timeout).await?;
        for row in &types.rows {
            let (key, key_type) = (types.text(row, "key"), types.text(row, "value"));
            let fixed = FIXED_ROOTS.iter().find(|(known, _)| *known == key);
            let name = fixed.map_or(key.as_str(), |(_, name)| name);
            if key_type != "none" {
                add(&mut survey, table(name, &key_type, 1.0));
            }
        }
        let has_jobs = patterns.iter().any(|table: &SurveyedTable| table.name.starts_with("bull:"));
        for (name, key_type) in OF_BULLMQ.into_iter().filter(|_| has_jobs) {
            add(&mut survey, table(name, key_type, 1.0));
        }
        // Behind known keys: of names that are alike, the first counts.
        patterns.into_iter().for_each(|pattern| add(&mut survey, pattern));
        let all = keys_in(lane, timeout).await?;
        if all > seen {
            survey.notes.push(format!("{seen} of {all} keys looked at"));
        }
        if all > self.scan_budget as f64 {
            survey.notes.push(format!(
                "queues that are in no set are not looked for: {all} keys exceed `scan_budget` ({})",
                self.scan_budget
            ));
        }
        Ok(survey)
    }

    /// The members of sets, and what `*` stands for in the keys of a pattern.
    async fn values(
        &self,
        lane: &Lane,
        survey: &SourceSurvey,
        columns: &[ColumnPosition],
        timeout: Duration,
    ) -> Result<Vec<(ColumnPosition, Vec<String>)>, Problem> {
        let mut few = Vec::new();
        for position in columns {
            let key = &survey.tables[position.table].written;
            let there = json!([["EXISTS", key]]);
            let of_members = NAMES_IN_MEMBERS.iter().find(|(set, _)| set == key);
            let query = match (of_members, id_of(key)) {
                (Some((_, id)), _) => json!({"members_of": key, "id": id, "read": {"there": there}}),
                (None, Some(id)) => json!({"scan": key, "id": id, "read": {"there": there}}),
                (None, None) => json!({"members_of": key, "read": {"there": there}}),
            };
            let values = match rows(lane, query, timeout).await {
                // More keys, or ids, than a query may read.
                Err(problem) if problem.reason == Reason::Cardinality => continue,
                values => values?,
            };
            let ids: Vec<_> = values.rows.iter().map(|row| values.text(row, "id")).collect();
            if (1..=MOST_VALUES).contains(&ids.len()) {
                few.push((*position, ids));
            }
        }
        Ok(few)
    }

    /// Commands of the same time each, and walks over every key.
    async fn cost(
        &self,
        lane: &Lane,
        _survey: &SourceSurvey,
        query: &Question,
        timeout: Duration,
    ) -> Result<QueryCost, Problem> {
        let question: RedisQuestion = query.read()?;
        let form = QuestionForm::of(&question).map_err(|misuse| Problem::new(Reason::Query, misuse))?;
        let (commands, walked) = self.work(lane, &form, timeout).await?;
        let processor = COMMAND.mul_f64(commands) + KEY.mul_f64(walked);
        Ok(QueryCost { processor, longest: processor })
    }

    fn has_records(&self) -> bool {
        false
    }

    fn script_language(&self) -> ScriptLanguage {
        ScriptLanguage { extension: "acl", comment: "#", run: "in redis.conf: include" }
    }

    /// One rule with everything: a second one for the same account is an error.
    fn role(&self, existing: &str, _uses: &[TableUse], queries: &[Question]) -> String {
        let mut needed = AclRules::default();
        for query in queries {
            let question: RedisQuestion = query.read().unwrap_or_default();
            if let Ok(form) = QuestionForm::of(&question) {
                needed.add(&form);
            }
        }
        let rule_in = |text: &'_ str| text.lines().find(|line| line.starts_with("user ")).map(str::to_owned);
        let own = rule_in(existing).filter(|_| existing.trim_end() != ROLE.trim_end());
        let rule = own.clone().or_else(|| rule_in(ROLE)).unwrap_or_default();
        let kept = rule.split(' ').filter(|rule| own.is_some() || !OF_KEYS.contains(rule));
        let mut written = kept.collect::<Vec<_>>().join(" ");
        for needed in needed.rules() {
            if !format!("{written} ").contains(&format!(" {needed} ")) {
                written.push_str(&format!(" {needed}"));
            }
        }
        match own {
            Some(own) => existing.replacen(&own, &written, 1),
            None => {
                let selector = if written.contains('(') { HEAD_OF_SELECTOR } else { "" };
                format!("{HEAD}{selector}{written}\n")
            }
        }
    }

    /// There are none.
    fn index(&self, _table: &str, _column: &str) -> String {
        String::new()
    }
}

impl RedisSurveyor {
    /// How many commands a query is, and how many keys it walks over.
    async fn work(
        &self,
        lane: &Lane,
        form: &QuestionForm<'_>,
        timeout: Duration,
    ) -> Result<(f64, f64), Problem> {
        let (ids, each) = match form {
            QuestionForm::Command(_) => return Ok((1.0, 0.0)),
            QuestionForm::ForKeys { keys, .. } => return Ok((keys.len() as f64, 0.0)),
            QuestionForm::Scan { .. } => return Ok((0.0, self.walked(lane, timeout).await?)),
            QuestionForm::Read { ids, columns } => {
                (ids, columns.values().map(Vec::len).sum::<usize>() as f64)
            }
        };
        match ids {
            ReadIds::None => Ok((each, 0.0)),
            ReadIds::Members { sets: SetKeys::One(set), .. } => {
                let size = rows(lane, json!({"command": ["SCARD", set]}), timeout).await?;
                Ok((each * size.rows.first().map_or(0.0, |row| size.number(row, "value")), 0.0))
            }
            ReadIds::Members { sets: SetKeys::Matching(_), .. } | ReadIds::Keys { .. } => {
                Ok((each, self.walked(lane, timeout).await?))
            }
        }
    }

    /// How many keys a walk passes, if it is allowed.
    async fn walked(&self, lane: &Lane, timeout: Duration) -> Result<f64, Problem> {
        let keys = keys_in(lane, timeout).await?;
        if keys > self.scan_budget as f64 {
            return Err(over_budget(keys, self.scan_budget));
        }
        Ok(keys)
    }
}

/// Adds a table, unless it is known.
fn add(survey: &mut SourceSurvey, table: SurveyedTable) {
    if !survey.tables.iter().any(|known| known.written == table.written) {
        survey.tables.push(table);
    }
}

/// A key, or a pattern of keys, as a table: its schema is what the name begins with, before the last known word or the first
/// `*`. It has a column named after its type, and one with the ids in it: `members` or `ids`.
fn table(name: &str, key_type: &str, rows: f64) -> SurveyedTable {
    let root = ROOTS.iter().find_map(|root| name.strip_suffix(root));
    let schema = root.unwrap_or_else(|| name.split('*').next().unwrap_or(name));
    let column = |name: &str, column_type| SurveyedColumn {
        name: name.to_owned(),
        written: name.to_owned(),
        as_time: None,
        column_type,
        is_indexed: true,
        is_key: false,
        defaults_to_now: false,
        declared: None,
    };
    let has_names = NAMES_IN_MEMBERS.iter().any(|(set, _)| *set == name);
    let ids = match (key_type, id_of(name)) {
        ("set", id) if has_names || id.is_none() => Some("members"),
        (_, id) => id.map(|_| "ids"),
    };
    let columns = [column(key_type, ColumnType::Other)].into_iter();
    SurveyedTable {
        schema: schema.to_owned(),
        name: name.to_owned(),
        written: name.to_owned(),
        rows,
        references: 0,
        has_row_security: false,
        columns: columns.chain(ids.map(|ids| column(ids, ColumnType::Text))).collect(),
    }
}

/// The regular expression for what the only `*` of a pattern stands for: a part of the name.
fn id_of(pattern: &str) -> Option<String> {
    let (before, after) = pattern.split_once('*').filter(|(_, after)| !after.contains('*'))?;
    let separator = before.chars().last().filter(|last| *last != ':').map(String::from).unwrap_or_default();
    let [before, after] = [before, after].map(regex::escape);
    Some(format!("^{before}([^:{}]+){after}$", regex::escape(&separator)))
}

async fn keys_in(lane: &Lane, timeout: Duration) -> Result<f64, Problem> {
    let size = rows(lane, json!({"command": ["DBSIZE"]}), timeout).await?;
    Ok(size.rows.first().map_or(0.0, |row| size.number(row, "value")))
}

async fn rows(lane: &Lane, query: Value, timeout: Duration) -> Result<Rows, Problem> {
    lane.ask(&Question::new(RedisQuestion::KEY, query), &Columns::All, timeout).await
}
