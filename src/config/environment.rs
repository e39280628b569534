//! Without a configuration file: sources from the application's own environment.

use std::fmt::Write;

/// The environment configures no source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no source is configured: pass --config.file, or set at least one of DATABASE_URL, MONGODB_URI \
     (or MONGO_URL), REDIS_URL, AMQP_URL (or RABBITMQ_URL), STRIPE_API_KEY, S3_BUCKET (with AWS credentials: \
     AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY, a profile, or a role)"
)]
pub struct NoSources;

/// The variables that are enough for a source: its name, its kind, the key, and the variables by precedence.
const URLS: [(&str, &str, &str, &[&str]); 5] = [
    ("postgres", "postgres", "url", &["DATABASE_URL"]),
    ("mongodb", "mongodb", "url", &["MONGODB_URI", "MONGO_URL"]),
    ("redis", "redis", "url", &["REDIS_URL"]),
    ("rabbitmq", "rabbitmq", "url", &["AMQP_URL", "RABBITMQ_URL"]),
    ("stripe", "stripe", "api_key", &["STRIPE_API_KEY"]),
];

/// The keys of the S3 source other than its bucket, each with the variables by precedence. Credentials are found in the
/// environment without any key.
const S3_KEYS: [(&str, &[&str]); 2] = [
    ("region", &["AWS_REGION", "AWS_DEFAULT_REGION"]),
    ("endpoint", &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]),
];

/// Writes the configuration that matches the environment. Values stay variables, so no secret is in the text.
///
/// # Errors
/// When the environment configures no source.
pub fn from_environment(variable: &dyn Fn(&str) -> Option<String>) -> Result<String, NoSources> {
    let set = |names: &[&'static str]| {
        names.iter().copied().find(|name| variable(name).is_some_and(|value| !value.is_empty()))
    };
    let mut text = String::from("sources:\n");
    for (name, kind, key, variables) in URLS {
        if let Some(variable) = set(variables) {
            writeln!(text, "  {name}: {{{kind}: {{{key}: \"${{{variable}}}\"}}}}")
                .expect("writing to a string does not fail");
        }
    }
    if set(&["S3_BUCKET"]).is_some() {
        text.push_str("  s3: {s3: {bucket: \"${S3_BUCKET}\"");
        for (key, variables) in S3_KEYS {
            if let Some(variable) = set(variables) {
                write!(text, ", {key}: \"${{{variable}}}\"").expect("writing to a string does not fail");
            }
        }
        if set(&["AWS_ENDPOINT_URL_STS"]).is_some() {
            text.push_str(", sts: {endpoint: \"${AWS_ENDPOINT_URL_STS}\"}");
        }
        text.push_str("}}\n");
    }
    if text == "sources:\n" { Err(NoSources) } else { Ok(text) }
}
