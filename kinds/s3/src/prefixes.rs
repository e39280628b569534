//! The prefixes that a configuration should name: what `init` finds in a bucket.

mod cadence;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use platform_core::client::HttpClient;
use platform_core::deadline::Deadline;
use platform_core::kind::ReadVariable;
use platform_core::probe::Problem;
use platform_core::survey::{NamesForm, NamesSurveyor, SurveyedNames, is_generated};
use tokio::sync::Mutex;

use self::cadence::usual_age;
use super::config::Config;
use super::credentials::CredentialsOrigin;
use super::objects::{ListingExtent, PAGES, modified, visit};
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
    async fn names(&self, timeout: Duration) -> Result<Vec<SurveyedNames>, Problem> {
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
        folders.truncate(MOST_PREFIXES);
        let (mut names, mut ages) = (Vec::new(), BTreeMap::new());
        for folder in folders {
            let mut times: Vec<Timestamp> = Vec::new();
            let visitor = |object: &_| modified(object).map(|time| times.push(time));
            // Of one that would be cut, a probe would know nothing.
            if visit(&mut store, &folder, PAGES, visitor).await? == ListingExtent::Whole {
                ages.extend(usual_age(times, Timestamp::now()).map(|age| (folder.clone(), age)));
                names.push(folder);
            }
        }
        Ok(vec![SurveyedNames { key: "objects", form: NamesForm::Prefixes(ages), names }])
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
