//! S3 and compatible stores: are the credentials valid, does the bucket accept them, and can an application write, read
//! and delete there.

mod canary;
mod config;
mod credentials;
mod keys;
mod objects;
mod operation;
mod policy;
mod prefixes;
mod prober;
pub mod reason;
mod refusal;
mod sign;
mod store;
mod sts;
mod xml;

use std::time::Duration;

use platform_core::kind::{
    Context, Definition, EnvironmentKey, Headline, HeadlineUnit, KindFacts, Parts, ProbeCost, ReadVariable,
};
use platform_core::survey::NamesSurveyor;

use self::prefixes::BackupPrefixes;
use self::prober::S3Prober;

pub use self::config::Config;

/// The facts common to all sources of this kind.
pub const FACTS: KindFacts = KindFacts {
    name: "s3",
    interval: Duration::from_secs(60),
    timeout: Duration::from_secs(10),
    is_metered: true,
    cost: ProbeCost { cpu: Duration::from_micros(300), wire: 2300, series: 14 },
    up: None,
    catalogue: prober::catalogue,
    prefixes: Vec::new,
    reasons: reason::ALL,
    language: None,
    // Credentials are found in the environment without any key.
    environment: &[
        EnvironmentKey { key: "bucket", variables: &["S3_BUCKET"] },
        EnvironmentKey { key: "region", variables: &["AWS_REGION", "AWS_DEFAULT_REGION"] },
        EnvironmentKey { key: "endpoint", variables: &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"] },
        EnvironmentKey { key: "sts.endpoint", variables: &["AWS_ENDPOINT_URL_STS"] },
    ],
    permissions: concat!(
        "Without a canary:\n",
        include_str!("../policy.json"),
        "\nWith a canary:\n",
        include_str!("../policy-canary.json"),
        "\nWith `objects`, if nothing else may be listed:\n",
        include_str!("../policy-objects.json"),
    ),
    rules: include_str!("../rules.yml"),
    dashboard: include_str!("../dashboard.yml"),
    runbook: include_str!("../runbook.md"),
    example: include_str!("../example.yml"),
    recipes: &[],
    headlines: &[
        Headline { title: "Credentials valid", metric: "aws_credentials_valid", unit: HeadlineUnit::Count },
        Headline {
            title: "Operation duration",
            metric: "s3_operation_duration_seconds",
            unit: HeadlineUnit::Seconds,
        },
    ],
};

impl Definition for Config {
    fn target(&self) -> String {
        self.bucket.base_url().to_string()
    }

    fn names_surveyor(&self, variable: ReadVariable<'_>) -> Option<Box<dyn NamesSurveyor>> {
        Some(Box::new(BackupPrefixes::new(self.clone(), variable)))
    }

    fn build(&self, context: &Context<'_>) -> Parts {
        Parts { prober: Box::new(S3Prober::new(self, context)), answers: None }
    }
}
