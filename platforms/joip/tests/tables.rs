//! The documented questions of Grafana's tables, put as its role, give what the rows say.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde_json::Value;

use super::answers::{counter, score};
use super::{DOCUMENT, Deployment, Spelling};
use crate::bundle::of_pack;
use testkit::joip::world::{COUNTERS, Event, World, email, id};

const DAY: u64 = 86_400;
/// A row by its columns' names.
type Row = serde_json::Map<String, Value>;

struct Tables {
    deployment: Deployment,
    /// The user that is looked at.
    user: usize,
    /// The range of Grafana's time picker: the last 30 days.
    range: String,
}

impl Tables {
    /// The rows of a documented question.
    fn rows(&self, title: &str) -> Vec<Row> {
        let (_, rest) =
            DOCUMENT.split_once(&format!("```sql\n-- {title}\n")).unwrap_or_else(|| panic!("{title}"));
        self.put(title, rest.split_once("```").unwrap().0)
    }

    /// The rows of a question, with what Grafana puts in the place of its macros.
    fn put(&self, title: &str, sql: &str) -> Vec<Row> {
        let filter = Regex::new(r"\$__timeFilter\(([^)]*)\)").unwrap();
        let sql = filter.replace_all(sql, format!("$1 {}", self.range));
        let group = Regex::new(r"\$__timeGroupAlias\(([^,)]*), '1d'\)").unwrap();
        let sql = group.replace_all(&sql, r#"floor(extract(epoch from $1)/86400)*86400 AS "time""#);
        let sql = sql
            .replace("${user:sqlstring}", &format!("'{}'", id(self.user)))
            .replace("${after:sqlstring}", "''");
        assert!(!sql.contains('$'), "{sql}");
        let url = self.deployment.postgres.url_as("grafana_joip", "", "postgres");
        let mut psql = std::process::Command::new("psql");
        let sql = format!("SELECT coalesce(json_agg(t), '[]') FROM ({sql}) AS t");
        let output = psql.args(["-X", "-q", "-A", "-t", "-d", &url, "-c", &sql]).output().unwrap();
        assert!(output.status.success(), "{title}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The questions of the pack's dashboard, by the titles of its tables.
    fn of_dashboard(&self) -> BTreeMap<String, Vec<Row>> {
        let (dashboard, _) = of_pack(&self.deployment.config(""), "joip");
        let selects = dashboard.selects().into_iter();
        selects.map(|(title, sql)| (title.to_owned(), self.put(title, sql))).collect()
    }
}

fn text(row: &Row, column: &str) -> String {
    row[column].as_str().unwrap_or_else(|| panic!("{column} of {row:?}")).to_owned()
}

fn number(row: &Row, column: &str) -> f64 {
    let value = &row[column];
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_else(|| panic!("{column} of {row:?}"))
}

/// The largest first, and by id where they are the same.
fn largest(scores: impl Iterator<Item = (usize, f64)>, limit: usize) -> Vec<(String, f64)> {
    let mut scores: Vec<_> = scores.map(|(user, score)| (id(user), score)).collect();
    scores.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    scores.truncate(limit);
    scores
}

fn pairs(rows: &[Row], key: &str, value: &str) -> Vec<(String, f64)> {
    rows.iter().map(|row| (text(row, key), number(row, value))).collect()
}

/// How many of each there are.
fn counts<K: Ord>(keys: impl Iterator<Item = K>) -> BTreeMap<K, f64> {
    keys.fold(BTreeMap::new(), |mut counts, key| {
        *counts.entry(key).or_default() += 1.0;
        counts
    })
}

/// The values of rows with the same key added up.
fn sums(rows: &[Row], key: &str, value: &str) -> BTreeMap<String, f64> {
    rows.iter().fold(BTreeMap::new(), |mut sums, row| {
        *sums.entry(text(row, key)).or_default() += number(row, value);
        sums
    })
}

/// Something that was tracked twice, by the user that is looked at.
async fn tables(world: &mut World, spelling: Spelling) -> Tables {
    let user = world.users.iter().position(|user| user.counters.is_some()).unwrap();
    let twice = Event { user, action: "media_shared", feature: "media_gallery", theme: None, age: 3 * DAY };
    world.events.extend([twice.clone(), twice]);
    let deployment = Deployment::of(world, spelling).await;
    let bound = |age: u64| jiff::Timestamp::from_second(world.seconds(age)).unwrap();
    let range = format!("BETWEEN '{}' AND '{}'", bound(30 * DAY), bound(0));
    Tables { deployment, user, range }
}

#[tokio::test]
async fn the_documented_questions_give_what_the_rows_say() {
    let mut world = World::populated();
    let tables = tables(&mut world, Spelling::Folded).await;
    check_users(&tables, &world);
    check_one_user(&tables, &world);
    check_features(&tables, &world);
    check_referrals_and_community(&tables, &world);
}

/// The tables of the dashboard ask the same, under whatever names the columns have.
#[tokio::test]
async fn the_tables_of_the_dashboard_have_the_rows_of_the_documented_questions() {
    for spelling in [Spelling::Folded, Spelling::Quoted, Spelling::Snake] {
        let mut world = World::populated();
        let tables = tables(&mut world, spelling).await;
        let found = tables.of_dashboard();
        assert_eq!(found.len(), 8, "{:?}", found.keys());
        let scores = world.users.iter().enumerate().filter(|(_, user)| user.counters.is_some());
        let scores = scores.map(|(index, user)| (index, score(user)));
        assert_eq!(pairs(&found["Most active users"], "id", "activity_score"), largest(scores, 100));
        assert_eq!(found["All users"].len(), world.users.len());
        let of_user = &found["User counters"];
        assert!(of_user.iter().all(|row| text(row, "id") == id(tables.user)), "{of_user:?}");
        for (title, rows) in &found {
            assert!(!rows.is_empty(), "{title}");
        }
        if spelling == Spelling::Folded {
            for title in ["Recent referrals", "Top contributors", "Events tracked twice"] {
                assert_eq!(found[title].len(), tables.rows(title).len(), "{title}");
            }
            let score_of = |rows: &[Row]| pairs(rows, "id", "activity_score");
            let in_range = tables.rows("Most active users in a range");
            assert_eq!(score_of(&found["Most active users in the selected time range"]), score_of(&in_range));
            let recent = tables.rows("Recent activity of one user");
            assert_eq!(found["Recent user activity"].len(), recent.len());
        }
    }
}

fn recent(world: &World) -> impl Iterator<Item = &Event> + Clone {
    world.events.iter().filter(|event| event.age < 30 * DAY)
}

fn check_users(tables: &Tables, world: &World) {
    let tracked = || world.users.iter().enumerate().filter(|(_, user)| user.counters.is_some());
    let rows = tables.rows("Most active users");
    let scores = tracked().map(|(index, user)| (index, score(user)));
    assert_eq!(pairs(&rows, "id", "activity_score"), largest(scores, 5));

    let scored = [
        "session_created",
        "smart_caption_generated",
        "custom_caption_created",
        "babecock_created",
        "media_uploaded",
    ];
    let mut scores = BTreeMap::new();
    for event in recent(world) {
        *scores.entry(event.user).or_insert(0.0) += f64::from(u8::from(scored.contains(&event.action)));
    }
    let rows = tables.rows("Most active users in a range");
    assert_eq!(pairs(&rows, "id", "activity_score"), largest(scores.into_iter(), 100));

    let rows = tables.rows("All users");
    let mut all: Vec<_> =
        world.users.iter().enumerate().map(|(index, user)| (id(index), score(user))).collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(pairs(&rows, "account", "activity_score"), all);
    assert!(COUNTERS.iter().all(|column| rows[0].contains_key(&column.to_lowercase())));
}

fn check_one_user(tables: &Tables, world: &World) {
    let rows = tables.rows("One user");
    let counters: BTreeMap<_, _> =
        rows.iter().map(|row| (text(row, "counter"), text(row, "value"))).collect();
    let user = &world.users[tables.user];
    for (column, value) in COUNTERS.iter().zip(user.counters.as_ref().unwrap()) {
        let value = value.map(|value| value.to_string());
        assert_eq!(counters.get(&column.to_lowercase()), value.as_ref(), "{column}");
        let value = value.map_or(0.0, |value| value.parse().unwrap());
        assert!((counter(user, column) - value).abs() < f64::EPSILON);
    }
    let mut events: Vec<_> = recent(world).filter(|event| event.user == tables.user).collect();
    events.sort_by_key(|event| event.age);
    let rows = tables.rows("Recent activity of one user");
    let actions: Vec<_> = rows.iter().map(|row| text(row, "action")).collect();
    assert_eq!(actions, events.iter().map(|event| event.action).collect::<Vec<_>>());

    let rows = tables.rows("Events tracked twice");
    let key = |event: &Event| (event.user, event.action, event.theme, event.age);
    let twice = counts(recent(world).map(key)).into_iter().filter(|(_, times)| *times > 1.0);
    let mut twice: Vec<_> = twice.map(|((user, ..), times)| (id(user), times)).collect();
    let mut found = pairs(&rows, "user", "times");
    twice.sort_by(|a, b| a.0.cmp(&b.0));
    found.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(!found.is_empty());
    assert_eq!(found, twice);
}

fn check_features(tables: &Tables, world: &World) {
    let rows = tables.rows("Events by day and feature");
    assert_eq!(sums(&rows, "metric", "events"), counts(recent(world).map(|event| event.feature.to_owned())));
    assert!(rows.iter().all(|row| number(row, "time") % 86_400.0 == 0.0));

    let rows = tables.rows("Users by feature and action");
    let events = counts(recent(world).map(|event| event.action.to_owned()));
    assert_eq!(sums(&rows, "action", "events"), events);
    let users: BTreeSet<_> = recent(world).map(|event| (event.action.to_owned(), event.user)).collect();
    assert_eq!(sums(&rows, "action", "users"), counts(users.into_iter().map(|(action, _)| action)));

    let rows = tables.rows("Captions by theme");
    let captions = recent(world).filter(|event| event.action == "smart_caption_generated");
    let themes = counts(captions.map(|event| event.theme.unwrap_or("none").to_owned()));
    assert_eq!(sums(&rows, "metric", "captions"), themes);
}

fn check_referrals_and_community(tables: &Tables, world: &World) {
    let mut referrals: Vec<_> = world.referrals.iter().filter(|row| row.age < 30 * DAY).collect();
    referrals.sort_by_key(|row| (row.age, id(row.referee)));
    referrals.truncate(50);
    let rows = tables.rows("Recent referrals");
    let expected: Vec<_> = referrals
        .iter()
        .map(|row| (email(row.referrer), email(row.referee), f64::from(row.credits)))
        .collect();
    let found: Vec<_> = rows
        .iter()
        .map(|row| (text(row, "referrer_email"), text(row, "referee_email"), number(row, "credits")))
        .collect();
    assert_eq!(found, expected);

    let shares = world.shares.iter().enumerate().filter(|(_, share)| share.age < 30 * DAY);
    let shared = counts(shares.clone().map(|(_, share)| share.user));
    let rows = tables.rows("Top contributors");
    let top = largest(shared.into_iter(), 20);
    let found: Vec<_> =
        rows.iter().map(|row| (text(row, "id"), number(row, "sessions") + number(row, "media"))).collect();
    assert_eq!(found, top);
    for row in &rows {
        let of_user = shares.clone().filter(|(_, share)| id(share.user) == text(row, "id"));
        let liked: BTreeSet<_> = of_user.map(|(index, _)| index).collect();
        let likes = counts(world.likes.iter().filter(|(share, _)| liked.contains(share)).map(|_| ()));
        assert_eq!(number(row, "likes"), likes.get(&()).copied().unwrap_or(0.0));
    }
}
