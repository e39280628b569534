//! The role that an account lacks, and the command that grants it.

use std::fmt;

use ::mongodb::bson::Document;
use ::mongodb::options::{AuthMechanism, ConnectionString};

/// Where accounts with passwords are, if the URL names no database, and those of other mechanisms.
const SCRAM_SOURCE: &str = "admin";
const EXTERNAL: &str = "$external";

/// Stages that need an action of `clusterMonitor`, and read no documents.
const OF_MONITOR: [&str; 3] = ["$collStats", "$indexStats", "$planCacheStats"];

/// Profiles, which `read` does not include.
const PROFILE: &str = "system.profile";

/// The account that a source logs in with.
#[derive(Clone, Debug)]
pub(super) struct MongoAccount {
    name: String,
    /// Where it is defined.
    database: String,
    /// Whether that is only assumed, because it is the database of the URL.
    is_assumed: bool,
}

/// The smallest built-in role that allows a command.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum LackingRole {
    /// On `admin`.
    Monitor,
    /// On this database.
    Read(String),
}

impl MongoAccount {
    /// That of a URL; none if the account is named by a certificate alone.
    pub(super) fn of(url: &ConnectionString) -> Option<Self> {
        let credential = url.credential.as_ref()?;
        let name = credential.username.clone()?;
        let of_url = url.default_database.as_deref();
        let default = match &credential.mechanism {
            None | Some(AuthMechanism::ScramSha1 | AuthMechanism::ScramSha256) => {
                of_url.unwrap_or(SCRAM_SOURCE)
            }
            Some(AuthMechanism::Plain) => of_url.unwrap_or(EXTERNAL),
            Some(_) => EXTERNAL,
        };
        let database = credential.source.as_deref().unwrap_or(default).to_owned();
        let is_assumed = credential.source.is_none() && of_url == Some(database.as_str());
        Some(Self { name, database, is_assumed })
    }

    /// Why a right password may be rejected.
    pub(super) fn hint(&self) -> Option<String> {
        let database = &self.database;
        if [SCRAM_SOURCE, EXTERNAL].contains(&database.as_str()) {
            return None;
        }
        Some(match self.is_assumed {
            true => format!(
                "the account was looked up in `{database}`, the database of the URL: add `authSource=admin` to the \
                 URL if it was created in admin"
            ),
            false => format!("the account was looked up in `{database}`, as `authSource` says"),
        })
    }

    /// The command that grants it a role, for mongosh.
    pub(super) fn granting(&self, role: &LackingRole) -> String {
        let (role, database) = match role {
            LackingRole::Monitor => ("clusterMonitor", "admin"),
            LackingRole::Read(database) => ("read", database.as_str()),
        };
        let text = |text: &str| serde_json::Value::from(text).to_string();
        format!(
            "db.getSiblingDB({}).grantRolesToUser({}, [{{role: {}, db: {}}}])",
            text(&self.database),
            text(&self.name),
            text(role),
            text(database)
        )
    }
}

impl LackingRole {
    /// That of a command in a database. None if no built-in role is only about it, as for users and roles.
    pub(super) fn of(database: &str, command: &Document) -> Option<Self> {
        let text = |key: &str| command.get_str(key).ok();
        let collection = ["aggregate", "count", "distinct"].into_iter().find_map(text);
        let namespace = text("dataSize").and_then(|namespace| namespace.split_once('.'));
        let (database, collection) = match (collection, namespace) {
            (Some(collection), _) => (database, collection),
            (None, Some(namespace)) => namespace,
            (None, None) => return Some(Self::Monitor),
        };
        let stage = command.get_array("pipeline").ok().and_then(|stages| stages.first()?.as_document());
        let is_of_monitor = |stage: &Document| OF_MONITOR.iter().any(|name| stage.contains_key(name));
        match collection {
            _ if stage.is_some_and(is_of_monitor) => Some(Self::Monitor),
            PROFILE => Some(Self::Monitor),
            name if name.starts_with("system.") => None,
            _ => Some(Self::Read(database.to_owned())),
        }
    }
}

impl fmt::Display for LackingRole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Monitor => formatter.write_str("`clusterMonitor` on `admin`"),
            Self::Read(database) => write!(formatter, "`read` on `{database}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use ::mongodb::bson::doc;

    use super::*;

    #[test]
    fn an_account_is_named_with_its_database() {
        let granting = |url: &str| {
            let url = ConnectionString::parse(url).expect("a URL");
            MongoAccount::of(&url).map(|account| account.granting(&LackingRole::Read("shop".to_owned())))
        };
        let expected = |database: &str, name: &str| {
            Some(format!(
                "db.getSiblingDB(\"{database}\").grantRolesToUser(\"{name}\", [{{role: \"read\", db: \"shop\"}}])"
            ))
        };
        assert_eq!(granting("mongodb://exporter:x@h"), expected("admin", "exporter"));
        assert_eq!(granting("mongodb://exporter:x@h/app"), expected("app", "exporter"));
        assert_eq!(granting("mongodb://exporter:x@h/app?authSource=users"), expected("users", "exporter"));
        let hint = |url| MongoAccount::of(&ConnectionString::parse(url).expect(url)).expect(url).hint();
        assert!(hint("mongodb://exporter:x@h/app").is_some_and(|hint| hint.contains("in `app`")));
        let named = hint("mongodb://exporter:x@h/?authSource=app");
        assert!(named.is_some_and(|hint| hint.ends_with("in `app`, as `authSource` says")));
        for url in [
            "mongodb://exporter:x@h/app?authSource=admin",
            "mongodb://exporter:x@h/",
            "mongodb://exporter:x@h/admin",
        ] {
            assert_eq!(hint(url), None, "{url}");
        }
        let mechanism = "authMechanism=SCRAM-SHA-256";
        assert_eq!(granting(&format!("mongodb://e%22x:x@h/?{mechanism}")), expected("admin", "e\\\"x"));
        let certificate = "tls=true&authMechanism=MONGODB-X509";
        assert_eq!(
            granting(&format!("mongodb://CN=exporter@h/app?{certificate}")),
            expected("$external", "CN=exporter")
        );
        assert_eq!(granting(&format!("mongodb://h/?{certificate}")), None);
        assert_eq!(granting("mongodb://h"), None);
    }

    #[test]
    fn the_smallest_role_is_found() {
        let role = |command| LackingRole::of("shop", &command);
        let read = |database: &str| Some(LackingRole::Read(database.to_owned()));
        let monitor = Some(LackingRole::Monitor);
        assert_eq!(role(doc! {"serverStatus": 1}), monitor);
        assert_eq!(role(doc! {"dbStats": 1}), monitor);
        assert_eq!(role(doc! {"aggregate": 1, "pipeline": [{"$currentOp": {}}]}), monitor);
        assert_eq!(role(doc! {"aggregate": "orders", "pipeline": [{"$indexStats": {}}]}), monitor);
        assert_eq!(role(doc! {"aggregate": "system.profile", "pipeline": []}), monitor);
        assert_eq!(role(doc! {"aggregate": "orders", "pipeline": [{"$count": "n"}]}), read("shop"));
        assert_eq!(role(doc! {"count": "orders"}), read("shop"));
        assert_eq!(role(doc! {"dataSize": "app.orders"}), read("app"));
        assert_eq!(role(doc! {"aggregate": "system.users", "pipeline": []}), None);
        assert_eq!(LackingRole::Monitor.to_string(), "`clusterMonitor` on `admin`");
    }
}
