//! The platforms of the demo: the shop with one source of each kind, and those that packs are for, on the same servers.

use std::collections::BTreeMap;

use platform_exporter::bundle;
use platform_exporter::config::{self, Surroundings};

use super::hayon::Hayon;
use super::hivesync::HiveSync;
use super::joip::Joip;
use super::platform::Platform;
use super::platform_data as shop;

/// The running platforms; dropping them ends them.
pub struct Platforms {
    pub shop: Platform,
    pub(crate) hayon: Hayon,
    hivesync: HiveSync,
    joip: Joip,
}

impl Platforms {
    /// The names, each with its configuration.
    pub const ALL: [(&str, &str); 4] = [
        ("shop", Platform::CONFIG),
        ("hayon", Hayon::CONFIG),
        ("hivesync", HiveSync::CONFIG),
        ("joip", Joip::CONFIG),
    ];

    /// Starts every service, and fills them.
    pub async fn start() -> Self {
        let shop = Platform::start().await;
        // The scripts of both make the same role.
        let of_postgres = async { (HiveSync::start(&shop).await, Joip::start(&shop).await) };
        let (hayon, (hivesync, joip)) = tokio::join!(Hayon::start(&shop), of_postgres);
        Self { shop, hayon, hivesync, joip }
    }

    /// One configuration for all of them: their sections, put together.
    pub fn config() -> String {
        let section = |name: &str| {
            let entries: String = Self::ALL.iter().map(|(_, config)| entries(config, name)).collect();
            format!("{name}:\n{entries}\n")
        };
        ["sources", "queries", "packs"].map(section).concat()
    }

    /// The variables that [`Self::config`] refers to.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let mut all = self.shop.environment();
        all.extend(self.hayon.environment(&self.shop));
        all.extend(self.hivesync.environment(&self.shop));
        all.extend(self.joip.environment(&self.shop));
        all
    }

    /// The dashboards and rules for this configuration.
    pub fn bundle(&self) -> Vec<bundle::File> {
        let environment: BTreeMap<_, _> = self.environment().into_iter().collect();
        let variable = |name: &str| environment.get(name).cloned();
        let surroundings = Surroundings { variable: &variable, file: &|path| std::fs::read_to_string(path) };
        let config = config::load(&Self::config(), "platform.yml", surroundings);
        let bundle = config.and_then(|config| bundle::render(Some(&config)));
        bundle.unwrap_or_else(|faults| panic!("{faults}"))
    }

    /// Runs something while the data changes.
    pub async fn while_living<T>(&self, run: impl Future<Output = T>) -> T {
        tokio::select! {
            result = run => result,
            never = shop::live(&self.shop) => match never {},
            never = self.hayon.live(&self.shop) => match never {},
            never = self.hivesync.live(&self.shop) => match never {},
            never = self.joip.live(&self.shop) => match never {},
        }
    }
}

/// The lines of a section of a configuration: all that are indented, up to the next section.
fn entries(config: &str, section: &str) -> String {
    let heading = format!("{section}:");
    let lines = config.lines().skip_while(|line| *line != heading).skip(1);
    lines
        .take_while(|line| line.is_empty() || line.starts_with(' '))
        .map(|line| format!("{line}\n"))
        .collect()
}
