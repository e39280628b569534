//! Services that a variable names by a URL.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::ExposeSecret;

use super::candidate::{Candidate, ScopeContext};
use super::scope::{ScopeValue, ScopeVariable, UNKNOWN};
use super::service::{Engine, Service, by_name};
use super::service_url::{ServiceUrl, account, server};
use super::source::{FoundSetting, FoundVariable};
use super::{management, naming};

/// What stands in examples in place of a value.
const PLACEHOLDERS: [&str; 6] = ["${", "$(", "{{", "<", "[YOUR", "%("];

/// What to do about sentinels, which applications name in too many ways.
pub(super) const SENTINELS: &str = "sentinels: write `sentinel: {master: NAME, urls: […]}` by hand";

/// What is plain in every part of a URL.
const PLAIN: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The service whose URL a variable holds.
pub(super) fn candidate(
    name: &str,
    variable: &ScopeVariable,
    context: &ScopeContext<'_>,
    notes: &mut Vec<String>,
) -> Option<Candidate> {
    let value = match &variable.value {
        ScopeValue::Elsewhere(place) => return elsewhere(name, variable, place, context),
        ScopeValue::Known(value) | ScopeValue::Partly(value) => value.expose_secret().trim(),
    };
    let jdbc = value.strip_prefix("jdbc:");
    let (scheme, rest) = jdbc.unwrap_or(value).split_once("://")?;
    let Some(engine) = engine(name, &scheme.to_ascii_lowercase(), rest) else {
        sentinels(name, variable, scheme, notes);
        return None;
    };
    let mut note = |text: String| notes.push(format!("{}: {name}: {text}", variable.origin));
    let service = match engine {
        Engine::Watched(service) => service,
        Engine::Other(engine) => {
            note(format!("{engine}, for which there is no kind"));
            return None;
        }
    };
    if value.contains(|c: char| c.is_whitespace() || c.is_control()) {
        note("there is white space in the URL: is a quote not closed?".to_owned());
        return None;
    }
    if PLACEHOLDERS.iter().any(|placeholder| value.contains(placeholder)) {
        note("a part of the URL is a placeholder that nothing has filled in".to_owned());
        return None;
    }
    if name.split('_').any(|word| ["TEST", "SHADOW"].contains(&word)) {
        note("left out: a database of tests".to_owned());
        return None;
    }
    let is_read = jdbc.is_none() && service.schemes().contains(&scheme);
    let rewritten = if is_read { value.to_owned() } else { format!("{}://{rest}", plain(service, scheme)) };
    let url = match ServiceUrl::parse(&rewritten) {
        Ok(url) => url,
        Err(why) => {
            note(why);
            return None;
        }
    };
    let login = jdbc.and_then(|_| login(name, context));
    let (beside, password) = login.unwrap_or_default();
    let user = beside.as_deref().unwrap_or(url.user);
    let (host, port) = url.hosts.first().map(|(host, port)| (host.as_str(), *port))?;
    if host == UNKNOWN {
        return elsewhere(name, variable, &variable.origin.to_string(), context);
    }
    let names = context.names(service, name, host);
    let mut adapted = rewritten.clone();
    let mut hosts = url.hosts.clone();
    if let Some((only, _)) = url.only_host() {
        let port = port.unwrap_or(service.port());
        if let Some((host, port)) = context.published(&variable.origin, only, port, notes) {
            adapted.replace_range(url.authority.clone(), &format!("{}:{port}", bracketed(&host)));
            hosts = vec![(host, Some(port))];
            adapted.push_str(direct(service, &adapted));
        }
    }
    if let Some(user) = &beside {
        let at = adapted.find("://").map_or(0, |at| at + 3);
        adapted.insert_str(at, &format!("{}@", encoded(user)));
    }
    let variable_name = if is_read { name.to_owned() } else { free_variable(&names, service, context) };
    if !is_read {
        notes.push(format!(
            "{}: {name} has a scheme of a library: {variable_name} has to hold the URL as {}://…",
            variable.origin,
            plain(service, scheme)
        ));
    }
    let known = variable.text().map(|_| adapted.as_str());
    let found = FoundVariable::new(&variable_name, known, adapted != value);
    let mut settings = vec![FoundSetting::of_variable("url", found, variable.origin.clone())];
    settings.extend(password.filter(|_| !url.has_password));
    settings.extend(management::setting(service, host, context));
    Some(Candidate {
        service,
        names,
        server: server(service, &hosts),
        account: Some(account(service, user, &url.database)),
        address: Some(address(&adapted)),
        settings,
        origin: variable.origin.clone(),
    })
}

/// What a URL of MongoDB needs besides where a port is published: the members of a set know each other by names of their
/// network.
pub(super) fn direct(service: Service, url: &str) -> &'static str {
    let has_path = url.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    match service {
        Service::Mongodb if url.contains("directConnection=") => "",
        Service::Mongodb if url.contains('?') => "&directConnection=true",
        Service::Mongodb if has_path => "?directConnection=true",
        Service::Mongodb => "/?directConnection=true",
        _ => "",
    }
}

/// A URL for display.
pub(super) fn address(url: &str) -> String {
    platform_core::setting::Address::try_from(url.to_owned())
        .map_or_else(|_| String::new(), |url| url.to_string())
}

/// A text as a part of a URL.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, &PLAIN).to_string()
}

/// A host as a part of a URL.
pub(super) fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// The variable of a source that the application has no variable for.
pub(super) fn own_variable(names: &[String]) -> String {
    format!("{}_URL", names.first().map_or_else(String::new, |name| naming::as_variable(name)))
}

/// One that the application does not have either: there it holds what only a library reads.
fn free_variable(names: &[String], service: Service, context: &ScopeContext<'_>) -> String {
    let own = own_variable(names);
    if context.scope.variables.contains_key(&own) {
        own_variable(&names.iter().map(|name| format!("{name}-{}", service.scheme())).collect::<Vec<_>>())
    } else {
        own
    }
}

/// Which engine a URL is of.
fn engine(name: &str, scheme: &str, rest: &str) -> Option<Engine> {
    let redis = Engine::Watched(Service::Redis);
    match scheme {
        // Docker's socket has the same scheme.
        "unix" => {
            let is_redis = Engine::of_variable(name) == Some(redis)
                || ["redis", "valkey"].iter().any(|word| rest.contains(word));
            is_redis.then_some(redis)
        }
        "redis+sentinel" | "redis+cluster" | "redis+socket" | "amqp+ssl" => None,
        scheme => Engine::of_word(scheme),
    }
}

fn sentinels(name: &str, variable: &ScopeVariable, scheme: &str, notes: &mut Vec<String>) {
    if ["sentinel", "redis-sentinel", "redis+sentinel"].contains(&scheme) {
        notes.push(format!("{}: {name}: {SENTINELS}", variable.origin));
    }
}

/// The scheme that a kind reads, in place of the one of a library.
fn plain(service: Service, scheme: &str) -> String {
    let first = scheme.split('+').next().unwrap_or_default();
    let known = service.schemes().contains(&first);
    if known { first.to_owned() } else { service.scheme().to_owned() }
}

/// The account beside a URL that has none, as in Spring: the user, and the setting of the password.
fn login(name: &str, context: &ScopeContext<'_>) -> Option<(Option<String>, Option<FoundSetting>)> {
    let stem = name.strip_suffix("URL")?;
    let of = |ends: [&str; 2]| context.scope.first(ends.map(|end| format!("{stem}{end}")));
    let user = of(["USERNAME", "USER"]).and_then(|(_, user)| user.text().map(str::to_owned));
    let password = of(["PASSWORD", "PASS"]).map(|(name, password)| {
        let variable = FoundVariable::new(&name, password.text(), false);
        FoundSetting::of_variable("password", variable, password.origin.clone())
    });
    Some((user, password))
}

/// A URL that is kept elsewhere, such as in a Secret that is not among the manifests.
fn elsewhere(
    name: &str,
    variable: &ScopeVariable,
    place: &str,
    context: &ScopeContext<'_>,
) -> Option<Candidate> {
    let service = by_name(name).filter(|service| !service.schemes().is_empty())?;
    let found = FoundVariable::new(name, None, false);
    Some(Candidate {
        service,
        names: context.names(service, name, ""),
        server: format!("<{place}>"),
        account: Some(String::new()),
        address: None,
        settings: vec![FoundSetting::of_variable("url", found, variable.origin.clone())],
        origin: variable.origin.clone(),
    })
}
