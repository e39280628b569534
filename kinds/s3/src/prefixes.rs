//! The prefixes that a configuration should name: what `init` finds in a bucket.

mod cadence;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use platform_core::client::HttpClient;
use platform_core::deadline::Deadline;
use platform_core::kind::ReadVariable;
use platform_core::probe::Problem;
use platform_core::survey::{NamesForm, NamesSurvey, NamesSurveyor, SurveyedNames, is_generated};
use tokio::sync::Mutex;

use self::cadence::usual_age;
use super::config::Config;
use super::credentials::CredentialsOrigin;
use super::objects::{ListingExtent, PAGES, modified, visit};
use super::reason;
use super::store::BucketClient;

/// More are not listed: each takes requests.
const MOST_PREFIXES: usize = 10;

/// What is written again and again, and is missed when it is not.
const REGULAR: [&str; 10] = [
    "archive",
    "backup",
    "bak",
    "dump",
    "export",
    "mysqldump",
    "pgbackup",
    "pgdump",
    "snapshot",
    "basebackup",
];

/// Finds folders of backups and the like.
pub(super) struct BackupPrefixes {
    config: Config,
    origin: Mutex<CredentialsOrigin>,
}

impl BackupPrefixes {
    pub(super) fn new(config: Config, variable: ReadVariable<'_>) -> Self {
        let origin = Mutex::new(CredentialsOrigin::new(&config, variable));
        Self { config, origin }
    }
}

#[async_trait::async_trait]
impl NamesSurveyor for BackupPrefixes {
    async fn names(&self, timeout: Duration) -> Result<NamesSurvey, Problem> {
        let deadline = Deadline::within(timeout);
        let current = self.origin.lock().await.current(deadline.of_part().left()).await?;
        let mut client = HttpClient::new(self.config.tls.clone());
        let mut store = BucketClient {
            client: &mut client,
            bucket: &self.config.bucket,
            credentials: &current.credentials,
            deadline,
            outcomes: Vec::new(),
        };
        let mut folders = store.folders().await?;
        folders.retain(|folder| is_regular(folder) && !is_generated(folder));
        let mut notes = Vec::new();
        if folders.len() > MOST_PREFIXES {
            notes.push(format!(
                "of {} folders of backups, the first {MOST_PREFIXES} were looked at",
                folders.len()
            ));
        }
        folders.truncate(MOST_PREFIXES);
        let (mut names, mut ages) = (Vec::new(), BTreeMap::new());
        for folder in folders {
            match times(&mut store, &folder).await {
                Ok(times) => {
                    ages.extend(usual_age(times, Timestamp::now()).map(|age| (folder.clone(), age)));
                    names.push(folder);
                }
                Err(problem) => {
                    notes.push(format!("{folder} is not in `objects`: {problem}"));
                    notes.extend(problem.statements().map(|statement| format!("it needs {statement}")));
                }
            }
        }
        let names = vec![SurveyedNames { key: "objects", form: NamesForm::Prefixes(ages), names }];
        Ok(NamesSurvey { names, notes })
    }
}

/// When the objects of a folder were modified. Of one that is cut, a probe would know nothing.
async fn times(store: &mut BucketClient<'_>, folder: &str) -> Result<Vec<Timestamp>, Problem> {
    let mut times = Vec::new();
    let visitor = |object: &_| modified(object).map(|time| times.push(time));
    match visit(store, folder, PAGES, visitor).await? {
        ListingExtent::Whole => Ok(times),
        ListingExtent::Cut => Err(Problem::new(
            reason::LISTING_TRUNCATED,
            format_args!("there are more than {} objects; a longer prefix may have fewer", times.len()),
        )),
    }
}

/// Whether a word of the name is one of those, also in the plural.
fn is_regular(folder: &str) -> bool {
    let name = folder.to_ascii_lowercase();
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| {
        REGULAR.contains(&word) || word.strip_suffix('s').is_some_and(|word| REGULAR.contains(&word))
    })
}

#[cfg(test)]
mod tests {
    use super::is_regular;

    #[test]
    fn folders_of_backups_are_known_by_name() {
        for folder in ["backups/", "db-backup/", "Snapshots/", "pg_dump/", "exports.csv/"] {
            assert!(is_regular(folder), "{folder}");
        }
        for folder in ["uploads/", "exported/", "avatars/", "dumpsters/", "/"] {
            assert!(!is_regular(folder), "{folder}");
        }
    }
}
