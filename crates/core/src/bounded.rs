//! Lists and texts with a size limit during decoding: a few bytes on the wire, such as `{}`, can be hundreds in memory.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};

use crate::probe::{Problem, Reason};

/// Prefix of the message for a text that is too long. No message of serde starts like this.
pub const TOO_LONG: &str = "a text longer than ";

/// The longest name in AMQP and Stripe.
pub const NAME: usize = 255;

/// A list of which at most `MOST` items are kept.
#[derive(Debug)]
pub struct AtMost<const MOST: usize, T> {
    items: Vec<T>,
    has_more: bool,
}

impl<const MOST: usize, T> AtMost<MOST, T> {
    /// The items, if the list is complete. `what` names them in the error message.
    pub fn all(self, what: &str) -> Result<Vec<T>, Problem> {
        match self.has_more {
            false => Ok(self.items),
            true => Err(Problem::new(Reason::Protocol, format!("the answer lists more than {MOST} {what}"))),
        }
    }
}

impl<const MOST: usize, T> Default for AtMost<MOST, T> {
    fn default() -> Self {
        Self { items: Vec::new(), has_more: false }
    }
}

impl<'de, const MOST: usize, T: Deserialize<'de>> Deserialize<'de> for AtMost<MOST, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor(PhantomData))
    }
}

struct ListVisitor<const MOST: usize, T>(PhantomData<T>);

impl<'de, const MOST: usize, T: Deserialize<'de>> Visitor<'de> for ListVisitor<MOST, T> {
    type Value = AtMost<MOST, T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while items.len() < MOST {
            match list.next_element()? {
                Some(item) => items.push(item),
                None => return Ok(AtMost { items, has_more: false }),
            }
        }
        let mut has_more = false;
        while list.next_element::<IgnoredAny>()?.is_some() {
            has_more = true;
        }
        Ok(AtMost { items, has_more })
    }
}

/// A text of at most `MOST` bytes.
pub fn text<'de, const MOST: usize, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    borrowed::<MOST, D>(deserializer).map(Cow::into_owned)
}

/// A text of at most `MOST` bytes, borrowed if possible.
pub fn borrowed<'de: 'a, 'a, const MOST: usize, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Cow<'a, str>, D::Error> {
    deserializer.deserialize_str(TextVisitor::<MOST>)
}

/// A text of at most `MOST` bytes; a longer one counts as missing.
pub fn optional<'de, const MOST: usize, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let text = Option::<Cow<'de, str>>::deserialize(deserializer)?;
    Ok(text.filter(|text| text.len() <= MOST).map(Cow::into_owned))
}

struct TextVisitor<const MOST: usize>;

impl<'de, const MOST: usize> Visitor<'de> for TextVisitor<MOST> {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        short::<MOST, E>(text).map(Cow::Borrowed)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Cow<'de, str>, E> {
        short::<MOST, E>(text).map(|text| Cow::Owned(text.to_owned()))
    }
}

fn short<const MOST: usize, E: Error>(text: &str) -> Result<&str, E> {
    match text.len() <= MOST {
        true => Ok(text),
        false => Err(E::custom(format_args!("{TOO_LONG}{MOST} bytes"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_kept_up_to_its_limit_and_read_to_its_end() {
        let list = |json: &str| serde_json::from_str::<AtMost<2, u8>>(json).expect("a list").all("numbers");
        assert_eq!(list("[1, 2]"), Ok(vec![1, 2]));
        let problem = list(r#"[1, 2, {"not": ["a", "number"]}]"#).expect_err("it is too long");
        assert_eq!(problem.detail, "the answer lists more than 2 numbers");
        assert!(serde_json::from_str::<AtMost<2, u8>>("[1, 2, 3").is_err());
        assert!(serde_json::from_str::<AtMost<2, u8>>("[1, -2]").is_err());
    }

    #[derive(Debug, serde::Deserialize)]
    struct Texts<'a> {
        #[serde(deserialize_with = "text::<3, _>")]
        owned: String,
        #[serde(borrow, deserialize_with = "borrowed::<3, _>")]
        borrowed: Cow<'a, str>,
        #[serde(default, deserialize_with = "optional::<3, _>")]
        optional: Option<String>,
    }

    #[test]
    fn a_text_is_refused_beyond_its_limit() {
        let read = |json| serde_json::from_str::<Texts<'_>>(json);
        let texts = read(r#"{"owned": "abc", "borrowed": "abc", "optional": "abcd"}"#).expect("short texts");
        assert!(matches!(texts.borrowed, Cow::Borrowed("abc")));
        assert_eq!((&*texts.owned, texts.optional), ("abc", None));
        // An escape requires a copy.
        assert!(read(r#"{"owned": "a\nb", "borrowed": "a\nb", "optional": null}"#).is_ok());
        for json in [r#"{"owned": "abcd", "borrowed": ""}"#, r#"{"owned": "", "borrowed": "a\nbc"}"#] {
            assert!(read(json).expect_err("too long").to_string().starts_with(TOO_LONG));
        }
    }
}
