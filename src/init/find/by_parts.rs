//! Services that several variables name: `DB_HOST`, `DB_PORT`, `DB_USERNAME` and so on.

use super::by_url::{SENTINELS, address, bracketed, direct, encoded};
use super::candidate::{Candidate, ScopeContext};
use super::management;
use super::scope::{Scope, ScopeVariable};
use super::service::{Engine, Service};
use super::service_url::{account, server};
use super::source::{FoundSetting, FoundVariable, reference};

/// Last parts of the variable of a host, longest first.
const HOSTS: [&str; 4] = ["HOSTNAME", "SERVER", "ADDR", "HOST"];
const ENGINES: [&str; 8] =
    ["CONNECTION", "ENGINE", "ADAPTER", "DIALECT", "DRIVER", "CLIENT", "TYPE", "BACKEND"];
const USERS: [&str; 5] = ["USERNAME", "USER", "LOGIN", "DEFAULT_USER", "INITDB_ROOT_USERNAME"];
const PASSWORDS: [&str; 5] = ["PASSWORD", "PASS", "PWD", "DEFAULT_PASS", "INITDB_ROOT_PASSWORD"];
const DATABASES: [&str; 6] = ["DATABASE", "DB", "NAME", "DBNAME", "DATABASE_NAME", "DB_NAME"];
const VHOSTS: [&str; 4] = ["VHOST", "VIRTUAL_HOST", "VIRTUALHOST", "DEFAULT_VHOST"];
const SWITCHES: [&str; 4] = ["TLS", "SSL", "USE_TLS", "USE_SSL"];

/// The service whose host a variable holds.
pub(super) fn candidate(
    name: &str,
    variable: &ScopeVariable,
    context: &ScopeContext<'_>,
    notes: &mut Vec<String>,
) -> Option<Candidate> {
    let stem = HOSTS.iter().find_map(|end| name.strip_suffix(end))?;
    // Not a virtual host, `RABBITMQ_VHOST`. Railway writes `REDISHOST`.
    let is_whole = stem.ends_with('_') || ["PG", "REDIS", "MONGO"].contains(&stem);
    let words: Vec<_> = stem.trim_end_matches('_').split('_').collect();
    if !is_whole || words.iter().any(|word| ["VIRTUAL", "MANAGEMENT"].contains(word)) {
        return None;
    }
    // `HOST` and `SERVER_HOST` are those of the application itself, and a URL stands for itself.
    if variable.text().is_some_and(|value| value.contains("://")) {
        return None;
    }
    let is_host = |text: &str| text.chars().all(|c| c.is_alphanumeric() || "-_.:/[]%".contains(c));
    if !variable.text().is_none_or(is_host) {
        // It may be a login and a host.
        return None;
    }
    let parts = Parts { scope: context.scope, stem };
    let service = match parts.engine(variable, context) {
        Some(Engine::Watched(Service::S3 | Service::Stripe)) => return None,
        Some(Engine::Watched(service)) => service,
        Some(Engine::Other(engine)) => {
            notes.push(format!("{}: {name}: {engine}, for which there is no kind", variable.origin));
            return None;
        }
        None => {
            if words.last().is_some_and(|word| ["DB", "DATABASE"].contains(word)) {
                let why =
                    "the engine is not known: neither a variable such as DB_CONNECTION nor the port names it";
                notes.push(format!("{}: {name}: {why}", variable.origin));
            }
            return None;
        }
    };
    let left_out = if words.iter().any(|word| ["TEST", "SHADOW"].contains(word)) {
        Some("left out: a database of tests")
    } else if words.iter().any(|word| ["SENTINEL", "SENTINELS"].contains(word)) {
        Some(SENTINELS)
    } else {
        None
    };
    if let Some(why) = left_out {
        notes.push(format!("{}: {name}: {why}", variable.origin));
        return None;
    }
    Some(parts.candidate(service, name, variable, context, notes))
}

/// A host, and the port that may follow it.
fn with_port(text: &str) -> (&str, Option<u16>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => (host, port.parse().ok()),
        _ => (text, None),
    }
}

/// The variables with one stem, such as `DB_`.
struct Parts<'a> {
    scope: &'a Scope,
    stem: &'a str,
}

impl<'a> Parts<'a> {
    fn get(&self, ends: &[&str]) -> Option<(String, &'a ScopeVariable)> {
        self.scope.first(ends.iter().map(|end| format!("{}{end}", self.stem)))
    }

    /// By the stem, a variable of the engine, the host or the port.
    fn engine(&self, host: &ScopeVariable, context: &ScopeContext<'_>) -> Option<Engine> {
        let stem = self.stem.trim_end_matches('_');
        let words: Vec<_> = stem.split('_').collect();
        let by_stem = words.iter().rev().find_map(|word| Engine::of_word(word));
        let is_database = words.iter().any(|word| ["DB", "DATABASE", "DATASOURCE"].contains(word));
        if by_stem.is_some() || !is_database {
            return by_stem;
        }
        let driver = self.get(&ENGINES).and_then(|(_, engine)| engine.text()).and_then(Engine::of_word);
        let by_host = || context.hosts.engine(host.text()?);
        let by_port = || self.get(&["PORT"]).and_then(|(_, port)| port.text()).and_then(Engine::of_port);
        driver.or_else(by_host).or_else(by_port)
    }

    fn candidate(
        &self,
        service: Service,
        name: &str,
        host: &ScopeVariable,
        context: &ScopeContext<'_>,
        notes: &mut Vec<String>,
    ) -> Candidate {
        // In a cluster, it may be `tcp://10.0.0.1:6379`.
        let is_port = |text: &str| text.parse::<u16>().is_ok();
        let port = self.get(&["PORT"]).filter(|(_, port)| port.text().is_none_or(is_port));
        let user = self.get(&USERS);
        let password = self.get(&PASSWORDS);
        let database = match service {
            Service::Rabbitmq => self.get(&VHOSTS),
            // A number, and no name.
            Service::Redis => self
                .get(&["DB", "DATABASE"])
                .filter(|(_, database)| database.text().is_none_or(|number| number.parse::<u16>().is_ok())),
            _ => self.get(&DATABASES),
        };
        // Several lines are more than a name: a quote that is not closed.
        let is_name = |text: &str| !text.contains(char::is_control);
        let database = database.filter(|(_, database)| database.text().is_none_or(is_name));
        let mut variables = Vec::new();
        // What a URL would take for something else is encoded, and then is not what the application has.
        let mut part = |(name, variable): &(String, &ScopeVariable)| {
            let value = variable.text();
            let encoded = value.map(encoded);
            let is_adapted = encoded.as_deref() != value;
            variables.push(FoundVariable::new(name, encoded.as_deref(), is_adapted));
            reference(name)
        };
        let (bare, inline) = host.text().map(with_port).unzip();
        let inline = inline.flatten();
        let own_port = inline.or_else(|| port.as_ref().and_then(|(_, port)| port.text()?.parse().ok()));
        let number = own_port.unwrap_or(service.port());
        let published = bare.and_then(|bare| context.published(&host.origin, bare, number, notes));
        let user_text = user.as_ref().filter(|_| service != Service::Redis).map(&mut part);
        let database_text = database.as_ref().map(&mut part);
        let login = user_text.map(|user| format!("{user}@")).unwrap_or_default();
        let path = database_text.map(|database| format!("/{database}")).unwrap_or_default();
        let scheme = self.scheme(service);
        let is_socket = host.text().is_some_and(|host| host.starts_with('/'));
        let text = if is_socket && service == Service::Postgres {
            variables.push(FoundVariable::new(name, host.text(), false));
            let path = if path.is_empty() { "/" } else { &path };
            format!("{scheme}://{login}{path}?host={}", reference(name))
        } else {
            let value = match &published {
                Some((host, port)) if inline.is_some() => Some(format!("{}:{port}", bracketed(host))),
                Some((host, _)) => Some(bracketed(host)),
                None if inline.is_some() => host.text().map(str::to_owned),
                None => host.text().map(bracketed),
            };
            variables.push(FoundVariable::new(name, value.as_deref(), value.as_deref() != host.text()));
            let port = match inline {
                Some(_) => String::new(),
                None => self.port(port.as_ref(), published.as_ref(), service, &mut variables),
            };
            let text = format!("{scheme}://{login}{}{port}{path}", reference(name));
            let direct = published.as_ref().map_or("", |_| direct(service, &text));
            format!("{text}{direct}")
        };
        let url = FoundSetting::new("url", &text, variables, host.origin.clone());
        let mut settings = vec![url];
        if let Some((name, password)) = &password {
            if let Some((user, username)) = user.as_ref().filter(|_| service == Service::Redis) {
                let variable = FoundVariable::new(user, username.text(), false);
                settings.push(FoundSetting::of_variable("username", variable, username.origin.clone()));
            }
            let variable = FoundVariable::new(name, password.text(), false);
            settings.push(FoundSetting::of_variable("password", variable, password.origin.clone()));
        }
        settings.extend(management::setting(service, bare.unwrap_or_default(), context));
        let identity = |found: &Option<(String, &ScopeVariable)>| {
            found.as_ref().map(|(_, variable)| encoded(&variable.identity())).unwrap_or_default()
        };
        let hosts = [published.map_or_else(
            || (bare.map_or_else(|| host.identity(), str::to_ascii_lowercase), own_port),
            |(host, port)| (host, Some(port)),
        )];
        let shown = settings[0].value.as_ref().and_then(super::source::exposed).map(address);
        Candidate {
            service,
            names: context.names(service, name, bare.unwrap_or_default()),
            server: server(service, &hosts),
            account: Some(account(service, &identity(&user), &identity(&database))),
            address: shown,
            settings,
            origin: host.origin.clone(),
        }
    }

    fn scheme(&self, service: Service) -> String {
        let scheme = self.get(&["SCHEME"]).and_then(|(_, scheme)| scheme.text());
        let is_on = self.get(&SWITCHES).and_then(|(_, switch)| switch.text());
        let is_secure = is_on.is_some_and(|value| ["true", "1", "yes", "on"].contains(&value));
        match service {
            Service::Redis if is_secure || ["tls", "rediss"].contains(&scheme.unwrap_or_default()) => {
                "rediss".to_owned()
            }
            Service::Rabbitmq if is_secure => "amqps".to_owned(),
            service => service.scheme().to_owned(),
        }
    }

    /// The port as a part of the URL: its variable, or one of its own if another port than the default is published.
    fn port(
        &self,
        port: Option<&(String, &ScopeVariable)>,
        published: Option<&(String, u16)>,
        service: Service,
        variables: &mut Vec<FoundVariable>,
    ) -> String {
        let (name, value, is_adapted) = match (port, published) {
            (Some((name, port)), None) => (name.clone(), port.text().map(str::to_owned), false),
            (Some((name, _)), Some((_, published))) => (name.clone(), Some(published.to_string()), true),
            (None, Some((_, published))) if *published != service.port() => {
                (format!("{}PORT", self.stem), Some(published.to_string()), true)
            }
            (None, _) => return String::new(),
        };
        variables.push(FoundVariable::new(&name, value.as_deref(), is_adapted));
        format!(":{}", reference(&name))
    }
}
