//! The ports that a service of Compose publishes.

use platform_core::yaml::Node;

use super::yaml_file::scalar;

/// A port of a container, and the address and port of this machine that lead to it.
pub(super) type PublishedPort = (u16, (String, u16));

/// A port in the short form `5433:5432` or in the long one; `None` if it is not published at a port that is known.
pub(super) fn published(node: &Node, expanded: &dyn Fn(&str) -> Option<String>) -> Option<PublishedPort> {
    let text = |node: &Node| scalar(node).and_then(|text| expanded(&text));
    let Some(target) = node.get("target") else { return short(&text(node)?) };
    let address = node.get("host_ip").and_then(text);
    let published = node.get("published").and_then(text)?.parse().ok()?;
    Some((text(target)?.parse().ok()?, (reachable(address.as_deref().unwrap_or_default()), published)))
}

fn short(text: &str) -> Option<PublishedPort> {
    let (text, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let (rest, container) = text.rsplit_once(':')?;
    let (address, published) = rest.rsplit_once(':').unwrap_or(("", rest));
    let is_tcp = protocol == "tcp";
    let ports = is_tcp.then(|| Some((container.parse().ok()?, published.parse().ok()?)))??;
    Some((ports.0, (reachable(address), ports.1)))
}

/// The address by which this machine reaches its own ports.
fn reachable(address: &str) -> String {
    match address.trim_start_matches('[').trim_end_matches(']') {
        "" | "0.0.0.0" | "::" => "127.0.0.1".to_owned(),
        address => address.to_owned(),
    }
}
