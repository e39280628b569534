//! What queries need of an account, as the rules of an ACL.

use std::collections::{BTreeMap, BTreeSet};

use super::command_list::SUBCOMMANDS;
use super::placeholders::{ID, has_now};
use super::question_form::{QuestionForm, ReadIds, SetKeys, WALK};
use super::refusal::keys;

/// The rules that allow queries.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct AclRules {
    keys: BTreeSet<String>,
    commands: BTreeSet<String>,
    /// Commands for keys whose names begin with anything, by these keys. Nothing else is allowed for them.
    selectors: BTreeMap<String, BTreeSet<String>>,
}

impl AclRules {
    /// Adds what a query needs.
    pub(super) fn add(&mut self, form: &QuestionForm<'_>) {
        match form {
            QuestionForm::Command(words) => self.add_command(words),
            QuestionForm::ForKeys { command, keys } => {
                let with = |key: &String| [command, std::slice::from_ref(key)].concat();
                keys.iter().for_each(|key| self.add_command(&with(key)));
            }
            QuestionForm::Scan { pattern, wanted } => {
                // SCAN itself returns the names of all keys.
                let (walk, of_keys): (Vec<&str>, Vec<&str>) =
                    wanted.commands().iter().partition(|name| ["DBSIZE", "SCAN"].contains(name));
                self.add_all(&walk);
                of_keys
                    .into_iter()
                    .for_each(|name| self.add_rule(rule_of(name, None), [(*pattern).to_owned()]));
            }
            QuestionForm::Read { ids, columns } => {
                match ids {
                    ReadIds::None => {}
                    ReadIds::Members { sets, .. } => {
                        let sets = match sets {
                            SetKeys::One(set) => pattern(set),
                            SetKeys::Matching(sets) => {
                                self.add_all(WALK);
                                (*sets).to_owned()
                            }
                        };
                        for name in ["SCARD", "SMEMBERS"] {
                            self.add_rule(rule_of(name, None), [sets.clone()]);
                        }
                    }
                    ReadIds::Keys { .. } => self.add_all(WALK),
                }
                columns.values().flatten().for_each(|words| self.add_command(words));
            }
        }
    }

    fn add_all(&mut self, commands: &[&str]) {
        self.commands.extend(commands.iter().map(|name| rule_of(name, None)));
    }

    fn add_command(&mut self, words: &[String]) {
        let Some(command) = words.first() else { return };
        self.add_rule(rule_of(command, words.get(1)), keys(words).iter().map(|key| pattern(key)));
        if words.iter().any(|word| has_now(word)) {
            self.add_all(&["TIME"]);
        }
    }

    /// Adds a command for keys that match these patterns.
    fn add_rule(&mut self, command: String, patterns: impl IntoIterator<Item = String>) {
        let keys: BTreeSet<_> = patterns.into_iter().map(|pattern| format!("~{pattern}")).collect();
        if keys.iter().any(|key| key.starts_with("~*")) {
            let keys = keys.into_iter().collect::<Vec<_>>().join(" ");
            self.selectors.entry(keys).or_default().insert(command);
        } else {
            self.commands.insert(command);
            self.keys.extend(keys);
        }
    }

    /// The rules: keys, commands, and what is only allowed for other keys.
    pub(super) fn rules(&self) -> Vec<String> {
        let selectors = self.selectors.iter().map(|(keys, commands)| {
            let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
            format!("({keys} {})", commands.join(" "))
        });
        self.keys.iter().chain(&self.commands).cloned().chain(selectors).collect()
    }
}

/// The rule that allows a command, or only one of its subcommands.
fn rule_of(command: &str, word: Option<&String>) -> String {
    let is_subcommand = |word: &&String| {
        SUBCOMMANDS.iter().any(|(name, subcommand, _)| {
            command.eq_ignore_ascii_case(name) && word.eq_ignore_ascii_case(subcommand)
        })
    };
    match word.filter(is_subcommand) {
        Some(word) => format!("+{command}|{word}").to_ascii_lowercase(),
        None => format!("+{command}").to_ascii_lowercase(),
    }
}

/// A key as the pattern that it matches, and with an id in it those of all ids. What an ACL file cannot hold is `?`.
fn pattern(key: &str) -> String {
    let of_byte = |byte: u8| match byte {
        b'*' | b'?' | b'[' | b']' | b'\\' => format!("\\{}", char::from(byte)),
        b'"' | b'\'' | b'#' => "?".to_owned(),
        byte if byte.is_ascii_graphic() => char::from(byte).to_string(),
        _ => "?".to_owned(),
    };
    let part = |part: &str| part.bytes().map(of_byte).collect::<String>();
    key.split(ID).map(part).collect::<Vec<_>>().join("*")
}

#[cfg(test)]
mod tests {
    use platform_core::query::Question;
    use serde_json::{Value, json};

    use super::super::question::RedisQuestion;
    use super::*;

    fn rules(query: Value) -> Vec<String> {
        let question: RedisQuestion = Question::new("redis", query).read().expect("a query");
        let mut rules = AclRules::default();
        rules.add(&QuestionForm::of(&question).expect("a query"));
        rules.rules()
    }

    #[test]
    fn a_query_needs_its_commands_and_keys_and_nothing_else() {
        for (query, expected) in [
            (json!({"command": ["LLEN", "queue:*"]}), &[r"~queue:\*", "+llen"][..]),
            (json!({"command": ["INFO", "memory"]}), &["+info"]),
            (json!({"command": ["MEMORY", "usage", "a b"]}), &["~a?b", "+memory|usage"]),
            (json!({"command": ["LLEN"], "keys": ["a", "b"]}), &["~a", "~b", "+llen"]),
            (json!({"scan": "a:*"}), &["+dbsize", "+scan"]),
            (json!({"scan": "a:*", "values": true}), &["~a:*", "+dbsize", "+get", "+scan"]),
            (json!({"scan": "a:*", "patterns": 3}), &["~a:*", "+scan", "+type"]),
            (json!({"scan": "*", "patterns": 3}), &["+scan", "(~* +type)"]),
            (
                json!({"members_of": "queues", "read": {"jobs": [["LLEN", "queue:{id}\u{6}\u{16}3"]]}}),
                &["~queue:*??3", "~queues", "+llen", "+scard", "+smembers"],
            ),
            (json!({"command": ["HMGET", "{id}:{id}", "beat"]}), &["(~*:* +hmget)"]),
            (
                json!({"members_of": "sets.*", "id": "(a)", "read": {"jobs": [["LLEN", "{id}"]]}}),
                &["~sets.*", "+dbsize", "+scan", "+scard", "+smembers", "(~* +llen)"],
            ),
            (
                json!({"scan": "q:*", "id": "q:(.*)", "read": {"late": [["ZCOUNT", "d:{id}", 0, "{now-60}"]]}}),
                &["~d:*", "+dbsize", "+scan", "+time", "+zcount"],
            ),
        ] {
            assert_eq!(rules(query.clone()), expected, "{query}");
        }
    }
}
