//! Buckets and accounts of Stripe, which have no URL of their own.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::candidate::{Candidate, ScopeContext};
use super::naming;
use super::scope::ScopeVariable;
use super::service::{Service, by_name};
use super::service_url::{ServiceUrl, server};
use super::source::{FoundSetting, FoundVariable, reference};

/// What the keys of Stripe's API begin with, but for those that anybody may have.
const STRIPE_KEYS: [&str; 4] = ["rk_live_", "rk_test_", "sk_live_", "sk_test_"];
const STRIPE_NAMES: [&str; 4] =
    ["STRIPE_RESTRICTED_KEY", "STRIPE_SECRET_KEY", "STRIPE_SECRET", "STRIPE_KEY_SECRET"];

/// The account of Stripe whose key a variable holds.
pub(super) fn stripe(name: &str, variable: &ScopeVariable, context: &ScopeContext<'_>) -> Option<Candidate> {
    let is_key = match variable.text() {
        Some(value) => STRIPE_KEYS.iter().any(|start| value.starts_with(start)),
        None => by_name(name) == Some(Service::Stripe) || STRIPE_NAMES.contains(&name),
    };
    let setting = |variable: &ScopeVariable| {
        let found = FoundVariable::new(name, variable.text(), false);
        FoundSetting::of_variable("api_key", found, variable.origin.clone())
    };
    is_key.then(|| Candidate {
        service: Service::Stripe,
        names: context.names(Service::Stripe, name, ""),
        server: format!("stripe {:x}", fingerprint(&variable.identity())),
        account: Some(String::new()),
        address: Some("https://api.stripe.com".to_owned()),
        settings: vec![setting(variable)],
        origin: variable.origin.clone(),
    })
}

/// Keys are compared, and not kept.
fn fingerprint(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Prefixes of variables of stores, without those of the bucket's own stem.
const STEMS: [&str; 6] = ["S3_", "AWS_S3_", "AWS_", "MINIO_", "R2_", "SPACES_"];
const REGIONS: [&str; 3] = ["REGION", "REGION_NAME", "DEFAULT_REGION"];
/// Not `AWS_URL`, which is where Laravel's visitors find the files.
const ENDPOINTS: [&str; 4] = ["ENDPOINT_URL_S3", "ENDPOINT_URL", "ENDPOINT", "ENDPOINT_S3"];
const KEY_IDS: [&str; 5] = ["ACCESS_KEY_ID", "ACCESS_KEY", "KEY_ID", "ROOT_USER", "KEY"];
const SECRETS: [&str; 5] =
    ["SECRET_ACCESS_KEY", "SECRET_KEY", "ACCESS_KEY_SECRET", "ROOT_PASSWORD", "SECRET"];

/// The bucket that a variable names.
pub(super) fn bucket(
    name: &str,
    variable: &ScopeVariable,
    context: &ScopeContext<'_>,
    notes: &mut Vec<String>,
) -> Option<Candidate> {
    let stem = name.strip_suffix("BUCKET_NAME").or_else(|| name.strip_suffix("BUCKET"))?;
    let words: Vec<_> = stem.split('_').collect();
    let is_store = ["S3", "AWS", "MINIO", "R2", "SPACES", "TIGRIS", "STORAGE"];
    let is_foreign = words.iter().any(|word| ["GCS", "GCP", "GOOGLE", "FIREBASE", "AZURE"].contains(word));
    let is_ours = words.iter().any(|word| is_store.contains(word)) || name == "BUCKET_NAME";
    if is_foreign || !is_ours {
        return None;
    }
    let value = variable.text();
    if value.is_some_and(|value| !is_bucket(value)) {
        notes.push(format!("{}: {name} is not the name of a bucket", variable.origin));
        return None;
    }
    let found = FoundVariable::new(name, value, false);
    let mut settings = vec![FoundSetting::of_variable("bucket", found, variable.origin.clone())];
    let short = stem.replace("STORAGE_", "");
    let stems: Vec<_> = [stem, &short].into_iter().chain(STEMS).collect();
    let of = |ends: &[&str]| {
        let names = stems.iter().flat_map(|stem| ends.iter().map(move |end| format!("{stem}{end}")));
        context.scope.first(names)
    };
    let plain = |key: &str, (name, variable): (String, &ScopeVariable)| {
        let found = FoundVariable::new(&name, variable.text(), false);
        FoundSetting::of_variable(key, found, variable.origin.clone())
    };
    settings.extend(of(&REGIONS).map(|region| plain("region", region)));
    let (mut at, mut address) = (String::new(), None);
    if let Some((endpoint, held)) = of(&ENDPOINTS) {
        let names = context.names(Service::S3, name, "");
        let setting = endpoint_setting(&endpoint, held, &names, context, notes);
        let url = setting.value.as_ref().and_then(super::source::exposed);
        at = url.map_or_else(|| held.identity(), place);
        address = url.map(super::by_url::address);
        settings.push(setting);
    }
    let sts = context.scope.get("AWS_ENDPOINT_URL_STS").map(|sts| ("AWS_ENDPOINT_URL_STS".to_owned(), sts));
    settings.extend(sts.map(|sts| plain("sts.endpoint", sts)));
    // Both are those of one account.
    let keys = stems.iter().find_map(|stem| {
        let of = |ends: &[&str]| context.scope.first(ends.iter().map(|end| format!("{stem}{end}")));
        Some(
            [("access_key_id", of(&KEY_IDS)?), ("secret_access_key", of(&SECRETS)?)]
                .into_iter()
                .chain(of(&["SESSION_TOKEN"]).map(|token| ("session_token", token))),
        )
    });
    settings.extend(keys.into_iter().flatten().map(|(key, found)| plain(key, found)));
    let bucket = value.map_or_else(|| reference(name), str::to_owned);
    Some(Candidate {
        service: Service::S3,
        names: context.names(Service::S3, name, ""),
        server: format!("{at}/{}", variable.identity()),
        account: Some(String::new()),
        address: Some(match address {
            Some(endpoint) => format!("{}/{bucket}", endpoint.trim_end_matches('/')),
            None => format!("s3://{bucket}"),
        }),
        settings,
        origin: variable.origin.clone(),
    })
}

fn is_bucket(text: &str) -> bool {
    text.split('.').all(|part| !part.is_empty())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
}

/// The server of an endpoint.
fn place(url: &str) -> String {
    ServiceUrl::parse(url).map_or_else(|_| String::new(), |url| server(Service::S3, &url.hosts))
}

/// The endpoint with a scheme, which MinIO's own clients leave out, and as it is reached from here.
fn endpoint_setting(
    name: &str,
    held: &ScopeVariable,
    names: &[String],
    context: &ScopeContext<'_>,
    notes: &mut Vec<String>,
) -> FoundSetting {
    let own =
        format!("{}_ENDPOINT", names.first().map_or_else(String::new, |name| naming::as_variable(name)));
    let Some(value) = held.text() else {
        let found = FoundVariable::new(name, None, false);
        return FoundSetting::of_variable("endpoint", found, held.origin.clone());
    };
    let has_scheme = value.contains("://");
    let mut adapted = if has_scheme { value.to_owned() } else { format!("http://{value}") };
    if !has_scheme {
        notes.push(format!(
            "{}: {name} is no URL: {own} has to hold it as http://… or https://…",
            held.origin
        ));
    }
    let location = ServiceUrl::parse(&adapted).ok().and_then(|url| {
        let (host, port) = url.only_host()?;
        let (default, range) = (if url.scheme == "https" { 443 } else { 80 }, url.authority.clone());
        Some((host.to_owned(), port.unwrap_or(default), range))
    });
    if let Some((host, port, range)) = location
        && let Some((host, port)) = context.published(&held.origin, &host, port, notes)
    {
        adapted.replace_range(range, &format!("{host}:{port}"));
    }
    let variable = FoundVariable::new(if has_scheme { name } else { &own }, Some(&adapted), adapted != value);
    FoundSetting::of_variable("endpoint", variable, held.origin.clone())
}
