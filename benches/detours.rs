//! Proxies between exporters and services that count traffic and can block it.

use std::collections::BTreeMap;
use std::ops::{Add, Div, Sub};

use crate::ours::Environment;
use crate::stats::milliseconds;
use testkit::proxy::{Mode, Proxy};

/// A proxy for each service that an environment variable points to.
pub(crate) struct Detours(BTreeMap<&'static str, (String, Proxy)>);

/// The traffic so far.
#[derive(Clone, Copy, Default)]
pub(crate) struct Traffic {
    pub(crate) bytes: f64,
    pub(crate) exchanges: f64,
    /// How long clients waited for responses, in milliseconds.
    pub(crate) waited: f64,
}

impl Add for Traffic {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self {
            bytes: self.bytes + more.bytes,
            exchanges: self.exchanges + more.exchanges,
            waited: self.waited + more.waited,
        }
    }
}

impl Sub for Traffic {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        self + Self { bytes: -before.bytes, exchanges: -before.exchanges, waited: -before.waited }
    }
}

impl Div<f64> for Traffic {
    type Output = Self;

    fn div(self, parts: f64) -> Self {
        Self { bytes: self.bytes / parts, exchanges: self.exchanges / parts, waited: self.waited / parts }
    }
}

impl Detours {
    /// Puts a proxy in front of each service named by the variables.
    pub(crate) async fn start(environment: &Environment, variables: &[&str]) -> Self {
        let mut detours = BTreeMap::new();
        for (variable, url) in environment.iter().filter(|(name, _)| variables.contains(name)) {
            let parsed = url::Url::parse(url).expect("a URL");
            let (host, port) = (parsed.host_str().expect("a host"), parsed.port().expect("a port"));
            let proxy = Proxy::start(&format!("{host}:{port}")).await;
            detours.insert(*variable, (url.clone(), proxy));
        }
        Self(detours)
    }

    /// A service's URL, rewritten to go through its proxy.
    pub(crate) fn url(&self, variable: &str) -> String {
        let (url, proxy) = &self.0[variable];
        proxy.through(url)
    }

    /// The environment, rewritten to go through the proxies.
    pub(crate) fn lead(&self, environment: Environment) -> Environment {
        let lead = |(name, value)| (name, if self.0.contains_key(name) { self.url(name) } else { value });
        environment.into_iter().map(lead).collect()
    }

    /// Sets the mode of all proxies.
    pub(crate) async fn set(&self, mode: Mode) {
        for (_, proxy) in self.0.values() {
            proxy.set(mode).await;
        }
    }

    /// The traffic of all proxies since their start.
    pub(crate) fn traffic(&self) -> Traffic {
        let of = |(_, proxy): &(String, Proxy)| Traffic {
            bytes: proxy.bytes() as f64,
            exchanges: proxy.exchanges() as f64,
            waited: milliseconds(proxy.waited()),
        };
        self.0.values().map(of).fold(Traffic::default(), Traffic::add)
    }
}
