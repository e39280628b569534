//! What must not become a label: names and values of columns that may be about people.
//!
//! A recipe lists the names of the columns whose values it uses as labels, so an unknown column is never one. This is the
//! second check, for a column that has such a name and is about people anyway.

use super::words::{in_english, snake};

/// Words in the names of columns that are about people, their secrets or their texts.
const PERSONAL: &str = include_str!("personal_words.txt");

/// What has a name and is no person: `queue_name`.
const TECHNICAL: &[&str] = &[
    "queue", "job", "task", "worker", "event", "plan", "tier", "topic", "class", "status", "state", "stage",
    "step",
];

/// Whether the name of a column may be about people. A name with other letters than ASCII cannot be looked up.
pub(super) fn is_personal_name(column: &str) -> bool {
    let snake = snake(column);
    let words = snake.strip_suffix("_name").filter(|rest| TECHNICAL.contains(rest)).unwrap_or(&snake);
    !column.is_ascii()
        || words.split('_').any(|word| is_listed(word, PERSONAL))
        || (!snake.contains('_') && contains_listed(&snake, PERSONAL))
}

/// A shorter word is part of too many others.
const SHORTEST_PART: usize = 5;

/// Whether a name without separators has a word of a list within: `customeremail`.
fn contains_listed(name: &str, list: &str) -> bool {
    listed_words(list).filter(|word| word.len() >= SHORTEST_PART).any(|word| name.contains(word))
}

/// The words of a list, in which lines with `#` are comments.
fn listed_words(list: &str) -> impl Iterator<Item = &str> {
    list.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace)
}

fn is_listed(word: &str, list: &str) -> bool {
    listed_words(list).any(|listed| listed == word)
}

/// A longer value is a text.
const LONGEST_VALUE: usize = 40;

/// Whether a value may be about a person: anything but a short technical word such as `past_due` or `In progress`.
pub(super) fn is_personal_value(value: &str) -> bool {
    is_text_or_number(value) || looks_like_a_handle(value)
}

/// Whether a value is a longer text, a number, an address, or the full name of a person. What the schema lists is refused for
/// nothing else: `FIDO2_KEY_FOUND` is no handle there.
pub(super) fn is_text_or_number(value: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ' ' | '.' | ':' | '/');
    let digits = value.chars().filter(char::is_ascii_digit).count();
    let is_technical = (1..=LONGEST_VALUE).contains(&value.len())
        && value.chars().all(is_word)
        && value.starts_with(|c: char| c.is_ascii_alphanumeric());
    !is_technical || digits > 3 || looks_like_a_full_name(value)
}

/// `anna.novak`, `Xk29f_dD20skq`: with a dot, or long and of several classes of characters.
fn looks_like_a_handle(value: &str) -> bool {
    let has = |is: fn(&char) -> bool| usize::from(value.chars().any(|c| is(&c)));
    let classes = has(char::is_ascii_lowercase) + has(char::is_ascii_uppercase) + has(char::is_ascii_digit);
    let is_mixed = value.contains('.') || (value.len() > 12 && classes > 1);
    is_mixed && !is_technical_value(value)
}

/// Words of states, plans and roles.
const TECHNICAL_VALUES: &str = include_str!("technical_values.txt");

/// Whether a word of a state, a plan or a role is in a value: `past_due`, `In progress`.
pub(super) fn is_technical_value(value: &str) -> bool {
    in_english(value).split('_').any(|word| is_listed(word, TECHNICAL_VALUES))
}

/// Whether every word of a value is one of a state, a plan, a role or a provider.
pub(super) fn consists_of_technical_words(value: &str) -> bool {
    in_english(value).split('_').all(|word| is_listed(word, TECHNICAL_VALUES))
}

/// `Anna Novak`, but not `In progress`: every word begins in upper case, and there are several.
fn looks_like_a_full_name(value: &str) -> bool {
    let words: Vec<_> = value.split([' ', '.']).filter(|word| !word.is_empty()).collect();
    let is_name = |word: &&str| {
        let mut letters = word.chars();
        letters.next().is_some_and(|first| first.is_ascii_uppercase())
            && letters.all(|c| c.is_ascii_lowercase())
    };
    words.len() > 1 && words.iter().all(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_about_people_are_known_in_many_languages() {
        for column in [
            "name",
            "user_name",
            "first_name",
            "lastName",
            "customerEmail",
            "e_mail",
            "PHONE",
            "shipping_address",
            "date_of_birth",
            "gender",
            "ipAddress",
            "password_hash",
            "customeremail",
            "maritalstatus",
            "api_token",
            "status_note",
            "state_comment",
            "Vorname",
            "rue",
            "correo",
            "telefone",
            "cognome",
            "jmeno",
            "nazwisko",
            "voornaam",
            "fornavn",
            "soyad",
            "имя",
            "氏名",
            "straße",
        ] {
            assert!(is_personal_name(column), "{column}");
        }
        for column in [
            "status",
            "orderStatus",
            "paymentstatus",
            "subscriptiontier",
            "contenttype",
            "processingstate",
            "transactiontype",
            "queue_name",
            "state",
            "kind",
            "plan",
            "currency",
            "queue",
            "priority",
            "event_type",
        ] {
            assert!(!is_personal_name(column), "{column}");
        }
    }

    #[test]
    fn what_a_schema_lists_is_refused_if_it_is_about_a_person() {
        for value in ["Anna Novak", "anna@example.com", "+420 777 123 456", "1990-05-12", "Müller", ""] {
            assert!(is_text_or_number(value), "{value}");
        }
        assert!(is_personal_value("FIDO2_KEY_FOUND") && !is_text_or_number("FIDO2_KEY_FOUND"));
    }

    #[test]
    fn values_about_people_are_recognized() {
        for value in [
            "anna@example.com",
            "Anna Novak",
            "+420 777 123 456",
            "192.168.12.101",
            "1990-05-12",
            "Müller",
            "CZ6508000000192000145399",
            "She called about her order, and was angry.",
            "",
            "tok_4eC39HqLyjWDarjtT1",
            "melchior.habermann",
            "sk_live_51H8abcdEFGH0",
            "山田",
        ] {
            assert!(is_personal_value(value), "{value}");
        }
        for value in
            ["new", "past_due", "In progress", "PAID", "2", "http-500", "user.created", "image/png", "EUR"]
        {
            assert!(!is_personal_value(value), "{value}");
        }
    }
}
