//! The management interface of a RabbitMQ, which has a URL of its own.

use super::candidate::ScopeContext;
use super::scope::Network;
use super::service::Service;
use super::service_url::ServiceUrl;
use super::source::{FoundSetting, FoundVariable};

const NAMES: [&str; 3] = ["RABBITMQ_MANAGEMENT_URL", "RABBITMQ_MANAGEMENT_URI", "RABBITMQ_API_URL"];

/// The interface of this host, if a variable of the same process has its URL.
pub(super) fn setting(service: Service, host: &str, context: &ScopeContext<'_>) -> Option<FoundSetting> {
    if service != Service::Rabbitmq {
        return None;
    }
    let (name, held) = context.scope.first(NAMES.map(str::to_owned))?;
    let value = held.text()?;
    let url = ServiceUrl::parse(value).ok().filter(|url| ["http", "https"].contains(&url.scheme))?;
    let (of_interface, port) = url.only_host().filter(|(of_interface, _)| *of_interface == host)?;
    let mut adapted = value.to_owned();
    let published = context.hosts.published(of_interface, port.unwrap_or(80));
    if let Some((host, port)) = published.filter(|_| context.scope.network == Network::Compose) {
        adapted.replace_range(url.authority.clone(), &format!("{host}:{port}"));
    }
    let variable = FoundVariable::new(&name, Some(&adapted), adapted != value);
    Some(FoundSetting::of_variable("management_url", variable, held.origin.clone()))
}
