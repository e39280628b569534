//! What a server is and is set to, in the units in which it shows that to people.

use super::known::Known;
use super::recount::EXPORTER;
use super::session::Session;
use testkit::recount::{Series, series};

/// Bytes or seconds in a unit.
const UNITS: [(&str, f64); 10] = [
    ("kB", 1024.0),
    ("MB", 1_048_576.0),
    ("GB", 1_073_741_824.0),
    ("TB", 1_099_511_627_776.0),
    ("ms", 0.001),
    ("min", 60.0),
    ("h", 3600.0),
    ("d", 86_400.0),
    ("B", 1.0),
    ("s", 1.0),
];

/// What the exporter and its driver ask for as a session begins, so that they do not know what others have.
const OWN: &str = "'extra_float_digits', 'default_transaction_read_only', 'statement_timeout', 'lock_timeout', \
                   'idle_in_transaction_session_timeout', 'transaction_read_only'";

pub(super) async fn settings(watcher: &mut Session, known: &Known) -> Series {
    let mut all = Series::new();
    let settings = format!(
        "SELECT name, current_setting(name), vartype, unit FROM pg_settings \
         WHERE vartype IN ('bool', 'integer', 'real') AND name NOT IN ({OWN})"
    );
    for row in watcher.rows(&settings).await {
        let [name, shown, vartype, unit] = <[_; 4]>::try_from(row).expect("four columns");
        let base = match unit.as_deref() {
            None => "",
            Some("ms" | "s" | "min") => "_seconds",
            Some(_) => "_bytes",
        };
        let value = match (vartype.as_deref(), shown.expect("it is set")) {
            (Some("bool"), shown) => f64::from(shown == "on"),
            (_, shown) => amount(&shown),
        };
        let name = name.expect("it has a name").replace('.', "_");
        all.insert(format!("pg_settings_{name}{base}"), value);
    }
    all.extend(known.settings.clone());
    all
}

/// The version with the words of the server, and in three numbers.
pub(super) async fn version(watcher: &mut Session) -> Series {
    let words = watcher.cell("SELECT version()").await.expect("it has one");
    let shown = watcher.cell("SHOW server_version").await.expect("it has one");
    let short = shown.split(' ').next().expect("it begins with numbers");
    Series::from([(series("pg_static", &[&words, &format!("{short}.0")]), 1.0)])
}

/// How many connections each role may have: what role.sql and the scenario have set.
pub(super) async fn roles(watcher: &mut Session) -> Series {
    let mut all = Series::new();
    for row in watcher.rows("SELECT rolname FROM pg_authid").await {
        let role = row[0].as_deref().expect("it has a name");
        let limit = match role {
            EXPORTER => 20.0,
            "shop" => 7.0,
            _ => -1.0,
        };
        all.insert(series("pg_roles_connection_limit", &[role]), limit);
    }
    all
}

/// The number that a text such as `8MB` or `-1` stands for.
fn amount(shown: &str) -> f64 {
    let unit = UNITS.iter().find_map(|(unit, factor)| Some((shown.strip_suffix(unit)?, factor)));
    let (number, factor) = unit.unwrap_or((shown, &1.0));
    number.parse::<f64>().unwrap_or_else(|_| panic!("{shown}")) * factor
}
