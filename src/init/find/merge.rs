//! Mentions of services become sources: each service once, under a name of its own.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::{ExposeSecret, SecretString};

use super::candidate::Candidate;
use super::naming;
use super::service::Service;
use super::source::{FoundSetting, FoundSource, FoundVariable, exposed, reference};

/// A source with what identifies its service.
struct Merged {
    service: Service,
    server: String,
    account: Option<String>,
    source: FoundSource,
}

/// What the variables of a configuration stand for.
type Claims = BTreeMap<String, SecretString>;

/// The sources of all mentions, which come in the order of precedence.
pub(super) fn merge(candidates: Vec<Candidate>, notes: &mut Vec<String>) -> Vec<FoundSource> {
    let mut merged: Vec<Merged> = Vec::new();
    let (mut names, mut missing, mut claims) = (BTreeSet::new(), BTreeSet::new(), Claims::new());
    for candidate in candidates {
        let known = merged.iter_mut().find(|known| is_same(known, &candidate));
        let Candidate { service, names: wanted, server, account, address, mut settings, origin } = candidate;
        let Some(kind) = service.kind() else {
            if missing.insert(service.name()) {
                notes.push(format!("{origin}: this build has no kind {}", service.name()));
            }
            continue;
        };
        if let Some(Merged { source, .. }) = known {
            if !source.places.contains(&origin) {
                source.places.push(origin);
            }
            add(source, settings, &mut claims);
            continue;
        }
        let name = free(&wanted, &names);
        names.insert(name.clone());
        settings = settings.into_iter().map(|setting| claimed(setting, &name, &mut claims)).collect();
        let text = || settings.first().map_or_else(String::new, |setting| setting.text.clone());
        let address = address.unwrap_or_else(text);
        let source = FoundSource { name, kind, address, settings, names: Vec::new(), places: vec![origin] };
        merged.push(Merged { service, server, account, source });
    }
    merged.into_iter().map(|merged| merged.source).collect()
}

/// Adds what another mention of a source knows.
fn add(source: &mut FoundSource, settings: Vec<FoundSetting>, claims: &mut Claims) {
    let is_known = |settings: &[FoundSetting]| settings.iter().all(|setting| setting.value.is_some());
    let (known, more) = if !is_known(&source.settings) && is_known(&settings) {
        (Vec::new(), settings)
    } else {
        // It depends on nothing else, and only the server's own mention has it.
        let more = settings.into_iter().filter(|setting| setting.key == "management_url");
        (std::mem::take(&mut source.settings), more.collect())
    };
    let more = more.into_iter().filter(|more| known.iter().all(|setting| setting.key != more.key));
    let more: Vec<_> = more.map(|more| claimed(more, &source.name, claims)).collect();
    source.settings = known.into_iter().chain(more).collect();
}

/// A server is the same as whatever is found on it.
fn is_same(known: &Merged, candidate: &Candidate) -> bool {
    let is_account = match (&known.account, &candidate.account) {
        (Some(known), Some(candidate)) => known == candidate,
        _ => true,
    };
    is_account && known.service == candidate.service && known.server == candidate.server
}

/// The first name that is free, or else the first one with a number.
fn free(wanted: &[String], taken: &BTreeSet<String>) -> String {
    let first = wanted.first().map_or("source", String::as_str);
    let numbered = (2..).map(|number| format!("{first}-{number}"));
    let mut all = wanted.iter().cloned().chain(numbered);
    all.find(|name| !taken.contains(name)).unwrap_or_else(|| naming::valid(first))
}

/// A variable has one value in a configuration: where it already stands for another one, a name of its own is needed.
fn claimed(mut setting: FoundSetting, source: &str, claims: &mut Claims) -> FoundSetting {
    let mut is_changed = false;
    for variable in &mut setting.variables {
        let value = variable.value.as_ref().and_then(exposed).map(str::to_owned);
        // What is not known is not the same as anything else.
        let claim = value.clone().unwrap_or_else(|| format!("<unknown, of {source}>"));
        let own = format!("{}_{}", naming::as_variable(source), naming::as_variable(&variable.name));
        let numbered = (2..).map(|number| format!("{own}_{number}"));
        let is_valid = naming::is_variable(&variable.name);
        let first = if is_valid { variable.name.clone() } else { naming::as_variable(&variable.name) };
        let mut names = [first, own.clone()].into_iter().chain(numbered);
        let is_free = |name: &String| claims.get(name).is_none_or(|known| known.expose_secret() == claim);
        let Some(name) = names.find(is_free) else { continue };
        if name != variable.name {
            setting.text = setting.text.replace(&reference(&variable.name), &reference(&name));
            *variable = FoundVariable::new(&name, value.as_deref(), true);
            is_changed = true;
        }
        claims.insert(name, claim.into());
    }
    if !is_changed {
        return setting;
    }
    FoundSetting::new(&setting.key, &setting.text, setting.variables, setting.origin)
}
