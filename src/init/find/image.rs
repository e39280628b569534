//! Services of Compose that are backing services themselves, by their image.

use super::by_url::{address, own_variable};
use super::candidate::{Candidate, ScopeContext};
use super::origin::Origin;
use super::scope::ScopeVariable;
use super::service::{Engine, Service};
use super::service_url::server;
use super::source::{FoundSetting, FoundVariable};
use super::{by_url, naming};

/// What a service of Compose is.
#[derive(Debug)]
pub(super) struct ImageService {
    pub(super) name: String,
    pub(super) engine: Engine,
    /// The password in its command: `--requirepass`.
    pub(super) password: Option<ScopeVariable>,
    pub(super) origin: Origin,
}

/// The variables by which images are given their first account: user, password, database.
struct FirstAccount {
    user: &'static [&'static str],
    default_user: &'static str,
    password: &'static [&'static str],
    default_password: Option<&'static str>,
    database: &'static [&'static str],
}

/// The port of RabbitMQ's management.
const MANAGEMENT: u16 = 15672;

const fn first_account(service: Service) -> Option<FirstAccount> {
    match service {
        Service::Postgres => Some(FirstAccount {
            user: &["POSTGRES_USER", "POSTGRESQL_USERNAME"],
            default_user: "postgres",
            password: &["POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD"],
            default_password: None,
            database: &["POSTGRES_DB", "POSTGRESQL_DATABASE"],
        }),
        Service::Mongodb => Some(FirstAccount {
            user: &["MONGO_INITDB_ROOT_USERNAME", "MONGODB_ROOT_USER"],
            default_user: "",
            password: &["MONGO_INITDB_ROOT_PASSWORD", "MONGODB_ROOT_PASSWORD"],
            default_password: None,
            database: &[],
        }),
        Service::Redis => Some(FirstAccount {
            user: &[],
            default_user: "",
            password: &["REDIS_PASSWORD", "VALKEY_PASSWORD"],
            default_password: None,
            database: &[],
        }),
        Service::Rabbitmq => Some(FirstAccount {
            user: &["RABBITMQ_DEFAULT_USER", "RABBITMQ_USERNAME"],
            default_user: "guest",
            password: &["RABBITMQ_DEFAULT_PASS", "RABBITMQ_PASSWORD"],
            default_password: Some("guest"),
            database: &["RABBITMQ_DEFAULT_VHOST", "RABBITMQ_VHOST"],
        }),
        Service::Stripe | Service::S3 => None,
    }
}

/// The service itself, as its first account reaches it.
pub(super) fn candidate(
    image: &ImageService,
    context: &ScopeContext<'_>,
    notes: &mut Vec<String>,
) -> Option<Candidate> {
    let ImageService { name, engine, origin, .. } = image;
    let service = match engine {
        Engine::Watched(service) => *service,
        Engine::Other(engine) => {
            notes.push(format!("{origin}: {engine}, for which there is no kind"));
            return None;
        }
    };
    // Which bucket is wanted, only the applications know.
    let first = first_account(service)?;
    let scope = context.scope;
    let of = |names: &[&str]| scope.first(names.iter().map(|name| (*name).to_owned()));
    let text =
        |found: Option<(String, &ScopeVariable)>| found.and_then(|(_, held)| held.text().map(str::to_owned));
    let user = text(of(first.user)).unwrap_or_else(|| first.default_user.to_owned());
    let database = text(of(first.database)).unwrap_or_default();
    let port = service.port();
    let published = context.published(origin, name, port, notes);
    let (host, port) = published.unwrap_or_else(|| (name.clone(), port));
    let login = if user.is_empty() { String::new() } else { format!("{}@", by_url::encoded(&user)) };
    let host_text = by_url::bracketed(&host);
    let path = by_url::encoded(&database);
    let url = format!("{}://{login}{host_text}:{port}/{path}", service.scheme());
    let url = format!("{url}{}", by_url::direct(service, &url));
    let names = vec![naming::valid(name), naming::valid(&format!("{name}-{}", service.name()))];
    let variable = FoundVariable::new(&own_variable(&names), Some(&url), true);
    let mut settings = vec![FoundSetting::of_variable("url", variable, origin.clone())];
    settings.extend(password(image, &first, context, &names, notes));
    if service == Service::Rabbitmq
        && let Some((host, port)) = context.hosts.published(name, MANAGEMENT)
    {
        let url = format!("http://{}:{port}", by_url::bracketed(&host));
        let own = format!("{}_MANAGEMENT_URL", naming::as_variable(name));
        let variable = FoundVariable::new(&own, Some(&url), true);
        settings.push(FoundSetting::of_variable("management_url", variable, origin.clone()));
    }
    Some(Candidate {
        service,
        names,
        server: server(service, &[(host, Some(port))]),
        account: None,
        address: Some(address(&url)),
        settings,
        origin: origin.clone(),
    })
}

fn password(
    image: &ImageService,
    first: &FirstAccount,
    context: &ScopeContext<'_>,
    names: &[String],
    notes: &mut Vec<String>,
) -> Option<FoundSetting> {
    let own =
        format!("{}_PASSWORD", names.first().map_or_else(String::new, |name| naming::as_variable(name)));
    let found = context.scope.first(first.password.iter().map(|name| (*name).to_owned()));
    let (name, value, origin) = match (&image.password, found) {
        (Some(password), _) => (own, password.text(), &password.origin),
        (None, Some((name, held))) => (name, held.text(), &held.origin),
        (None, None) => {
            let files = first.password.iter().map(|name| format!("{name}_FILE"));
            if let Some((name, file)) = context.scope.first(files) {
                notes.push(format!("{}: the password is in the file that {name} names", file.origin));
            }
            (own, Some(first.default_password?), &image.origin)
        }
    };
    let is_adapted = context.scope.get(&name).is_none();
    let variable = FoundVariable::new(&name, value, is_adapted);
    Some(FoundSetting::of_variable("password", variable, origin.clone()))
}
