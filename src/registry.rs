//! The kinds of source. This is the only list of them.

use std::fmt;

use platform_core::kind::{Definition, KindFacts};
use platform_core::query::LanguageFacts;

/// From a list of kinds: the feature and the crate of each.
macro_rules! kinds {
    ($($(#[doc = $about:literal])* $feature:literal $kind:ident $name:ident),+ $(,)?) => {
        #[cfg(not(any($(feature = $feature),+)))]
        compile_error!("enable the feature of at least one kind of source, such as `--features redis`");

        /// A kind of source.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "lowercase")]
        pub enum Kind {
            $($(#[doc = $about])* #[cfg(feature = $feature)] $kind,)+
        }

        /// The configuration of a source: the kind is its key.
        #[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "lowercase")]
        pub enum SourceConfig {
            $($(#[doc = $about])* #[cfg(feature = $feature)] $kind($name::Config),)+
        }

        impl SourceConfig {
            /// The kind of the source.
            pub fn kind(&self) -> Kind {
                match self { $(#[cfg(feature = $feature)] Self::$kind(_) => Kind::$kind,)+ }
            }

            /// The source's definition, which builds it.
            pub fn definition(&self) -> &dyn Definition {
                match self { $(#[cfg(feature = $feature)] Self::$kind(config) => config,)+ }
            }
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(#[cfg(feature = $feature)] Self::$kind),+];

            /// The features with a kind, those that are turned off as well.
            pub const FEATURES: &[&str] = &[$($feature),+];

            /// What all sources of this kind share.
            pub const fn facts(self) -> &'static KindFacts {
                match self { $(#[cfg(feature = $feature)] Self::$kind => const { &$name::FACTS },)+ }
            }
        }
    };
}

kinds! {
    /// PostgreSQL.
    "postgres" Postgres kind_postgres,
    /// MongoDB.
    "mongodb" Mongodb kind_mongodb,
    /// Redis and Valkey.
    "redis" Redis kind_redis,
    /// RabbitMQ.
    "rabbitmq" Rabbitmq kind_rabbitmq,
    /// Stripe webhooks.
    "stripe" Stripe kind_stripe,
    /// S3 buckets.
    "s3" S3 kind_s3,
    /// Background workers.
    "workers" Workers kind_workers,
    /// Log files.
    "logfile" Logfile kind_logfile,
    /// HTTP endpoints.
    "http" Http kind_http,
}

impl Kind {
    /// The value of the `kind` label.
    pub const fn as_str(self) -> &'static str {
        self.facts().name
    }
}

/// The languages of declared queries.
pub fn languages() -> Vec<LanguageFacts> {
    Kind::ALL.iter().filter_map(|kind| kind.facts().language).collect()
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
