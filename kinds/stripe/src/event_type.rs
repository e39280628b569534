//! The event types with their own series.

/// The label value of types that are not listed.
pub(super) const OTHER: &str = "other";

/// Types such as `invoice.paid`, and groups of them such as `charge.dispute.*`.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "Vec<String>")]
#[schemars(with = "Vec<String>")]
pub(super) struct EventTypes(Vec<String>);

/// The types that affect payments and paid access.
const DEFAULT: [&str; 11] = [
    "checkout.session.completed",
    "checkout.session.*",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "invoice.paid",
    "invoice.payment_failed",
    "payment_intent.*",
    "charge.dispute.*",
    "charge.*",
    "payout.*",
];

impl EventTypes {
    /// The label values, `other` last.
    pub(super) fn labels(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str).chain([OTHER])
    }

    /// The label value of an event: its type, or else the most specific group that contains it.
    pub(super) fn label(&self, event_type: &str) -> &str {
        let holding = self.0.iter().filter(|listed| match listed.strip_suffix('*') {
            Some(group) => event_type.starts_with(group),
            None => event_type == *listed,
        });
        holding.max_by_key(|listed| listed.trim_end_matches('*').len()).map_or(OTHER, String::as_str)
    }
}

impl Default for EventTypes {
    fn default() -> Self {
        Self(DEFAULT.map(str::to_owned).to_vec())
    }
}

impl TryFrom<Vec<String>> for EventTypes {
    type Error = String;

    fn try_from(types: Vec<String>) -> Result<Self, String> {
        for (index, listed) in types.iter().enumerate() {
            if !is_event_type(listed) {
                return Err(format!(
                    "expected event types such as invoice.paid, or groups such as charge.dispute.*, found `{listed}`"
                ));
            }
            if types[..index].contains(listed) {
                return Err(format!("`{listed}` is listed twice"));
            }
        }
        Ok(Self(types))
    }
}

/// Words joined by dots, at least two; the last one may be `*`. So none of them is `other`.
fn is_event_type(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    text.rsplit_once('.')
        .is_some_and(|(words, last)| words.split('.').all(is_word) && (last == "*" || is_word(last)))
}
