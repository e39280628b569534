//! What `init` finds in the databases of the platforms whose packs were written by hand, line by line.
//!
//! `platforms/NAME.txt` has each metric and alert of the pack, and what `init` has for it: `=` the same values, `~` the same
//! thing counted differently, `-` nothing, and why. The table in `docs/init.md` is made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use ::mongodb::bson::{DateTime, doc};
use testkit::exporter::binary;
use testkit::hayon;
use testkit::platforms::Platforms;
use testkit::root;

use super::{Project, text};
use crate::bundle::of_bundle;

/// A row may leave a window between two looks; then both look again.
const AGREES_WITHIN: Duration = Duration::from_secs(20);

/// What `init` has for a line of a pack.
enum Counterpart {
    Same(Series),
    Similar(String),
    Missing(String),
}

/// A metric with the labels that select some of its series.
struct Series {
    metric: String,
    labels: Vec<String>,
}

/// What is wanted and what there is: of one thing, such as panels.
#[derive(Default)]
struct Share {
    wanted: usize,
    same: usize,
    similar: usize,
}

#[tokio::test]
async fn the_packs_written_by_hand_are_found_line_by_line() {
    let platforms = Platforms::start().await;
    let shop = &platforms.shop;
    // A worker has just begun with it: only then does `init` know this state.
    let posts = shop.mongodb.client().await.database("hayon").collection("posts");
    let now = DateTime::now();
    posts.insert_one(doc! {"status": "PROCESSING", "createdAt": now, "scheduledAt": now}).await.unwrap();
    let page = fs::read_to_string(root().join("docs/init.md")).unwrap();
    let mut rows = Vec::new();
    for (name, url) in [
        ("joip", shop.postgres.url_as("postgres", "", "joip")),
        ("hivesync", shop.postgres.url_as("postgres", "", "hivesync")),
        ("hayon", hayon::url(&shop.mongodb)),
    ] {
        let lines = lines(name);
        let project = project(name, &url);
        let printed = project.init(&[]);
        project.passes();
        let pack = project.read("packs/shop.yml");
        let by_hand = Hand::new(&platforms);
        every_line_is_listed(name, &lines, &by_hand.exposition(name));
        let deadline = Instant::now() + AGREES_WITHIN;
        let (mut wrong, mut own) = (Vec::new(), exposition(&project));
        while Instant::now() < deadline {
            wrong = disagreements(&lines, &by_hand.exposition(name), &own);
            if wrong.is_empty() {
                break;
            }
            own = exposition(&project);
        }
        wrong.extend(missing(&lines, &own, &pack));
        assert!(wrong.is_empty(), "{name}:\n{}\n{printed}", wrong.join("\n"));
        rows.push(row(name, &lines, &by_hand, &pack));
    }
    println!("{}", rows.join("\n"));
    for row in rows {
        assert!(page.contains(&row), "docs/init.md has no such row: {row}");
    }
}

/// An empty directory whose configuration has the database.
fn project(name: &str, url: &str) -> Project {
    let project = Project::new(String::new());
    let kind = if name == "hayon" { "mongodb" } else { "postgres" };
    let config = format!("sources:\n  db: {{{kind}: {{url: '{url}'}}}}\n");
    fs::write(project.path("platform.yml"), config).unwrap();
    project
}

/// What the exporter exports of the database with what `init` wrote.
fn exposition(project: &Project) -> String {
    project.run(&binary(), &["probe", "db", "--config.file", "platform.yml", "--format", "prometheus"])
}

/// The same with the packs that were written by hand.
struct Hand<'a> {
    directory: tempfile::TempDir,
    platforms: &'a Platforms,
}

impl<'a> Hand<'a> {
    fn new(platforms: &'a Platforms) -> Self {
        let directory = tempfile::TempDir::with_prefix("by-hand-").unwrap();
        fs::write(directory.path().join("platform.yml"), Platforms::config()).unwrap();
        Self { directory, platforms }
    }

    fn exposition(&self, platform: &str) -> String {
        let mut command = Command::new(binary());
        command.current_dir(&self.directory).envs(self.platforms.environment());
        command.args(["probe", &format!("{platform}-db"), "--format", "prometheus"]);
        let output = command.args(["--config.file", "platform.yml"]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// The lines of a pack, each with what `init` has for it.
fn lines(platform: &str) -> BTreeMap<String, Counterpart> {
    let file = fs::read_to_string(root().join(format!("tests/it/init/platforms/{platform}.txt"))).unwrap();
    let line = |line: &str| {
        let [name, sign, own] = line.splitn(3, ' ').collect::<Vec<_>>().try_into().unwrap();
        let counterpart = match sign {
            "=" => Counterpart::Same(Series::new(own)),
            "~" => Counterpart::Similar(own.to_owned()),
            "-" => Counterpart::Missing(own.to_owned()),
            _ => panic!("`{sign}` is no sign"),
        };
        (name.to_owned(), counterpart)
    };
    file.lines().map(line).collect()
}

impl Series {
    fn new(text: &str) -> Self {
        let (metric, labels) = text.trim_end_matches('}').split_once('{').unwrap_or((text, ""));
        let labels = labels.split(',').filter(|label| !label.is_empty()).map(str::to_owned);
        Self { metric: format!("shop_{metric}"), labels: labels.collect() }
    }
}

/// Nothing that the pack has is left out of the list, and nothing is in it that the pack has not.
fn every_line_is_listed(platform: &str, lines: &BTreeMap<String, Counterpart>, exposition: &str) {
    let families = exposition.lines().filter_map(|line| line.split(['{', ' ']).next());
    let families = families.filter(|family| family.starts_with(&format!("{platform}_")));
    let file = fs::read_to_string(root().join(format!("platforms/{platform}/pack.yml"))).unwrap();
    let alerts = file.lines().filter_map(|line| line.trim_start().strip_prefix("- alert: "));
    let left_out: Vec<_> = families.chain(alerts).filter(|name| !lines.contains_key(*name)).collect();
    assert!(left_out.is_empty(), "{platform}.txt lacks {left_out:?}");
    let unknown: Vec<_> = lines.keys().filter(|name| !file.contains(name.as_str())).collect();
    assert!(unknown.is_empty(), "{platform}.txt has {unknown:?}, and the pack has not");
}

fn is_of(line: &str, metric: &str) -> bool {
    line.split(['{', ' ']).next() == Some(metric)
}

/// The source is the same everywhere, and the currency is a parameter of a pack.
fn is_constant(label: &str) -> bool {
    label.starts_with("source=") || label.starts_with("currency=")
}

/// The series of a metric by the values of their labels, without the source and the labels that select them.
fn values(exposition: &str, metric: &str, selected: &[String]) -> BTreeMap<Vec<String>, f64> {
    let lines = exposition.lines().filter(|line| is_of(line, metric));
    let series = lines.filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let labels = series.split_once('{').map_or("", |(_, labels)| labels.trim_end_matches('}')).split(',');
        let labels: Vec<_> = labels.filter(|label| !label.is_empty() && !is_constant(label)).collect();
        let is_selected = selected.iter().all(|label| labels.contains(&label.as_str()));
        let others = labels.into_iter().filter(|label| !selected.iter().any(|other| other == label));
        // A pack has a day as `1d`, `init` as `24h`.
        let mut others: Vec<_> =
            others.filter_map(|label| Some(label.split_once('=')?.1.replace("\"1d\"", "\"24h\""))).collect();
        others.sort_unstable();
        is_selected.then_some((others, value.parse().ok()?))
    });
    series.collect()
}

/// The lines whose values should be the same and are not: of the series that both have, and there must be some.
fn disagreements(lines: &BTreeMap<String, Counterpart>, by_hand: &str, of_init: &str) -> Vec<String> {
    let same = lines.iter().filter_map(|(line, counterpart)| match counterpart {
        Counterpart::Same(series) => Some((line, series)),
        _ => None,
    });
    let wrong = same.filter_map(|(line, series)| {
        let (expected, found) = (values(by_hand, line, &[]), values(of_init, &series.metric, &series.labels));
        let mut both =
            expected.iter().filter_map(|(labels, value)| Some((value, found.get(labels)?))).peekable();
        let is_same = |(one, other): (&f64, &f64)| (one - other).abs() <= 1e-9 * one.abs().max(1.0);
        let agree = both.peek().is_some() && both.all(is_same);
        (!agree).then(|| format!("{line}: {expected:?}, but {}: {found:?}", series.metric))
    });
    wrong.collect()
}

/// The lines of which `init` should have something similar and has not.
fn missing(lines: &BTreeMap<String, Counterpart>, of_init: &str, pack: &str) -> Vec<String> {
    let is_there = |line: &str, own: &str| match is_alert(line) {
        true => pack.contains(&format!("- alert: {own}\n")),
        false => of_init.lines().any(|series| is_of(series, &format!("shop_{own}"))),
    };
    let similar = lines.iter().filter_map(|(line, counterpart)| match counterpart {
        Counterpart::Similar(own) => Some((line, own)),
        _ => None,
    });
    let missing = similar.filter(|(line, own)| !is_there(line, own));
    missing.map(|(line, own)| format!("{line}: there is no {own}")).collect()
}

/// Metrics begin in lower case.
fn is_alert(line: &str) -> bool {
    line.starts_with(|first: char| first.is_uppercase())
}

impl Share {
    fn add(&mut self, counterpart: &Counterpart) {
        self.wanted += 1;
        match counterpart {
            Counterpart::Same(_) => self.same += 1,
            Counterpart::Similar(_) => self.similar += 1,
            Counterpart::Missing(_) => {}
        }
    }
}

/// The row of the table in the documentation.
fn row(platform: &str, lines: &BTreeMap<String, Counterpart>, hand: &Hand<'_>, pack: &str) -> String {
    let (mut metrics, mut alerts) = (Share::default(), Share::default());
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for (line, counterpart) in lines {
        if is_alert(line) { &mut alerts } else { &mut metrics }.add(counterpart);
        if let Counterpart::Missing(reason) = counterpart {
            *reasons.entry(reason).or_default() += 1;
        }
    }
    let found = |line: &str| !matches!(lines[line], Counterpart::Missing(_));
    let dashboards = of_bundle(hand.platforms.bundle());
    let own = dashboards.iter().find(|dashboard| dashboard.name == platform).unwrap();
    let shown = own.panels().into_iter().map(|panel| {
        let words: BTreeSet<String> = panel["targets"]
            .to_string()
            .split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .map(str::to_owned)
            .collect();
        words.into_iter().filter(|word| lines.contains_key(word)).collect::<Vec<_>>()
    });
    let shown: Vec<Vec<String>> = shown.filter(|metrics| !metrics.is_empty()).collect();
    let there = shown.iter().filter(|metrics| metrics.iter().all(|metric| found(metric))).count();
    let is_panel = |line: &&str| {
        ["stat: ", "timeseries: ", "bar: ", "table: "]
            .iter()
            .any(|kind| line.starts_with(&format!("        - {{{kind}")))
    };
    let panels = pack.lines().filter(is_panel).count();
    assert_eq!(pack.contains("collapsed: true"), panels > 30, "{pack}");
    let reasons: Vec<_> = reasons.iter().map(|(reason, number)| format!("{number} {reason}")).collect();
    format!(
        "| {platform} | {} | {} | {} | {} of {} | {} of {} | {} | {panels} |",
        metrics.wanted,
        metrics.same,
        metrics.similar,
        there,
        shown.len(),
        alerts.same + alerts.similar,
        alerts.wanted,
        reasons.join(", "),
    )
}
