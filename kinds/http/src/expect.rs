//! The expectations of a response.

use std::borrow::Cow;
use std::fmt;

use hyper::StatusCode;
use platform_core::probe::{Problem, Reason};
use regex::bytes::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de;

use super::answer::{EndpointAnswer, LARGEST_BODY};

/// The `expect` key.
#[derive(Clone, Debug, Default, serde::Deserialize, schemars::JsonSchema)]
pub(super) struct Expect {
    /// Expected status codes, or classes such as `4xx`; default: any 2xx.
    #[serde(default)]
    pub(super) status: Vec<ExpectedStatus>,
    /// What the body must match.
    pub(super) body: Option<Pattern>,
    /// What the body must not match.
    pub(super) not_body: Option<Pattern>,
}

/// A status code, or a class of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExpectedStatus {
    /// `204`
    Code(u16),
    /// `2xx`, by its first digit.
    Class(u16),
}

/// A regular expression.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(super) struct Pattern(Regex);

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Regex::new(&text).map(Self).map_err(|error| {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            format!("expected a regular expression: {reason}")
        })
    }
}

impl JsonSchema for ExpectedStatus {
    fn schema_name() -> Cow<'static, str> {
        "ExpectedStatus".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"type": "integer", "minimum": 100, "maximum": 599},
            {"type": "string", "pattern": "^([1-5][xX]{2}|[1-5][0-9]{2})$"},
        ]})
    }
}

impl<'de> serde::Deserialize<'de> for ExpectedStatus {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StatusVisitor)
    }
}

struct StatusVisitor;

impl de::Visitor<'_> for StatusVisitor {
    type Value = ExpectedStatus;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a status code such as 204, or a class such as 2xx")
    }

    fn visit_i64<E: de::Error>(self, code: i64) -> Result<ExpectedStatus, E> {
        let code = u16::try_from(code).ok().filter(|code| (100..=599).contains(code));
        code.map(ExpectedStatus::Code)
            .ok_or_else(|| E::invalid_value(de::Unexpected::Other("a number"), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ExpectedStatus, E> {
        match text.as_bytes() {
            [digit @ b'1'..=b'5', b'x' | b'X', b'x' | b'X'] => {
                Ok(ExpectedStatus::Class(u16::from(digit - b'0')))
            }
            _ => match text.parse() {
                Ok(code) => self.visit_i64(code),
                Err(_) => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
            },
        }
    }
}

impl ExpectedStatus {
    fn matches(self, status: StatusCode) -> bool {
        match self {
            Self::Code(code) => status.as_u16() == code,
            Self::Class(class) => status.as_u16() / 100 == class,
        }
    }
}

impl Expect {
    /// The problem with the status.
    pub(super) fn status_problem(&self, answer: &EndpointAnswer) -> Option<Problem> {
        let status = answer.status;
        let good = match &self.status[..] {
            [] => status.is_success(),
            expected => expected.iter().any(|expected| expected.matches(status)),
        };
        let reason = match status.as_u16() {
            _ if good => return None,
            401 => Reason::Auth,
            403 => Reason::Permission,
            404 | 410 => Reason::NotFound,
            429 => Reason::RateLimited,
            // It serves, but not what is expected.
            _ => Reason::Alarm,
        };
        Some(Problem::new(reason, format!("the endpoint returned {status}")))
    }

    /// The problem with the body.
    pub(super) fn text_problem(&self, answer: &EndpointAnswer) -> Option<Problem> {
        let place =
            if answer.truncated { format!("first {LARGEST_BODY} bytes of the ") } else { String::new() };
        let wrong = |what: &str, pattern: &Pattern| {
            Problem::new(Reason::Alarm, format!("the {place}body {what} `{}`", pattern.0))
        };
        let missing = self.body.as_ref().filter(|pattern| !pattern.0.is_match(&answer.body));
        let unwanted = self.not_body.as_ref().filter(|pattern| pattern.0.is_match(&answer.body));
        let missing = missing.map(|pattern| wrong("does not match", pattern));
        missing.or_else(|| unwanted.map(|pattern| wrong("matches", pattern)))
    }
}
