//! The templates in labels and annotations of rules: what Prometheus would refuse, and labels that the alert has not.
//!
//! Prometheus loads a rule whose template cannot be expanded, and then pages with the error in place of the sentence.

use platform_core::yaml;

use super::bare_duration::quoted;
use super::label_set::LabelSet;
use super::promql::{check_label, left_open};
use super::wrong::Wrong;

/// <https://prometheus.io/docs/prometheus/latest/configuration/template_reference/>, and Go's own.
const FUNCTIONS: [&str; 54] = [
    "and",
    "args",
    "call",
    "eq",
    "externalURL",
    "first",
    "ge",
    "graphLink",
    "gt",
    "html",
    "humanize",
    "humanize1024",
    "humanizeDuration",
    "humanizePercentage",
    "humanizeTimestamp",
    "index",
    "js",
    "label",
    "le",
    "len",
    "lt",
    "match",
    "ne",
    "not",
    "now",
    "or",
    "parseDuration",
    "pathPrefix",
    "print",
    "printf",
    "println",
    "query",
    "reReplaceAll",
    "safeHtml",
    "slice",
    "sortByLabel",
    "stripDomain",
    "stripPort",
    "strvalue",
    "tableLink",
    "title",
    "tmpl",
    "toDuration",
    "toLower",
    "toTime",
    "toUpper",
    "urlQueryEscape",
    "urlquery",
    "value",
    "true",
    "false",
    "nil",
    "break",
    "continue",
];
/// What begins an action.
const KEYWORDS: [&str; 8] = ["if", "else", "end", "range", "with", "define", "template", "block"];
const VARIABLES: [&str; 4] = ["$labels", "$value", "$externalLabels", "$externalURL"];

/// What is wrong with a template of an alert with these labels.
pub(super) fn check(template: &str, labels: &LabelSet) -> Vec<Wrong> {
    let mut wrong: Vec<_> = left_open(template).into_iter().collect();
    let mut variables: Vec<String> = VARIABLES.map(str::to_owned).into();
    // Results of queries have other labels than the alert.
    let has_results = template.contains("query");
    for action in template.split("{{").skip(1) {
        let Some((action, _)) = action.split_once("}}") else {
            continue;
        };
        let words = words(action);
        // `$queue := …` and `range $index, $row := …` declare variables.
        if let Some(end) = action.find(":=").or_else(|| action.find("range").and(action.find(':'))) {
            let declared = words.iter().filter(|word| word.start < end && word.text.starts_with('$'));
            variables.extend(declared.map(|word| word.first().to_owned()));
        }
        wrong.extend(words.iter().filter_map(|word| word.check(&variables, labels, has_results)));
    }
    wrong
}

/// A name in an action, as in `humanize`, `$labels.source` or `.Value`.
struct Word<'a> {
    text: &'a str,
    start: usize,
}

impl<'a> Word<'a> {
    /// `$labels` of `$labels.source`.
    fn first(&self) -> &'a str {
        self.text.split('.').next().unwrap_or_default()
    }

    fn check(&self, variables: &[String], labels: &LabelSet, has_results: bool) -> Option<Wrong> {
        let is_dot = self.text.starts_with('.');
        let label = self.text.strip_prefix("$labels.");
        let label = label.or_else(|| self.text.strip_prefix(".Labels.").filter(|_| !has_results));
        if let Some(label) = label {
            return check_label(label, labels);
        }
        let first = self.first();
        if is_dot || first == "$" || first.starts_with(|start: char| start.is_ascii_digit()) {
            return None;
        }
        if first.starts_with('$') {
            let known = variables.iter().map(String::as_str);
            let others = format!("there are {}", VARIABLES.join(", "));
            return unknown(first, "variable", known, &others);
        }
        let known = FUNCTIONS.into_iter().chain(KEYWORDS);
        unknown(first, "function", known, "the template reference of Prometheus lists them")
    }
}

fn unknown<'a>(
    name: &str,
    what: &str,
    known: impl Iterator<Item = &'a str> + Clone,
    otherwise: &str,
) -> Option<Wrong> {
    if known.clone().any(|known| known == name) {
        return None;
    }
    let hint = match yaml::meant_by(name, known) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => otherwise.to_owned(),
    };
    Some(Wrong::error(format!("templates have no {what} `{name}`"), Some(hint)))
}

/// The names in an action: what is neither punctuation nor within quotes or a comment.
fn words(action: &str) -> Vec<Word<'_>> {
    let (mut words, mut rest) = (Vec::new(), action);
    while let Some(first) = rest.chars().next() {
        let start = action.len() - rest.len();
        let length = match first {
            '"' | '`' | '\'' => quoted(rest, first),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            _ if is_part(first) => {
                let length = rest.find(|next| !is_part(next)).unwrap_or(rest.len());
                words.push(Word { text: &rest[..length], start });
                length
            }
            _ => first.len_utf8(),
        };
        rest = &rest[length..];
    }
    words
}

fn is_part(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$' | '.')
}

#[cfg(test)]
mod tests {
    use super::super::label_set::OtherLabels;
    use super::*;

    fn messages(template: &str) -> Vec<String> {
        let names = ["source", "queue"].map(str::to_owned).into();
        let labels = LabelSet { names, others: OtherLabels::None };
        let wrong = check(template, &labels).into_iter();
        wrong.map(|wrong| format!("{} {}", wrong.message, wrong.hint.unwrap_or_default())).collect()
    }

    #[test]
    fn what_prometheus_expands_passes() {
        for template in [
            "{{ $labels.source }} has {{ $value | humanizeDuration }}.",
            "{{ .Labels.source }} {{ .Value }} {{- /* a comment */ -}}",
            r#"{{ range query "up == 0" }}{{ .Labels.anything }}{{ end }}"#,
            r#"{{ with printf "shop{queue='%s'}" .Labels.queue | query }}{{ . | first | value }}{{ end }}"#,
            r#"{{ $rows := query "up" }}{{ range $index, $row := $rows }}{{ $row.Labels.any }}{{ end }}"#,
            r#"{{ if eq $labels.queue "a\"b" }}{{ $labels.queue | toUpper }}{{ else }}{{ $externalURL }}{{ end }}"#,
            r#"{{ if gt $value 1e3 }}{{ reReplaceAll "(.*)x" `y` $labels.source }}{{ end }}"#,
        ] {
            assert_eq!(messages(template), [""; 0], "{template}");
        }
    }

    #[test]
    fn what_it_cannot_expand_is_reported() {
        for (template, expected) in [
            ("{{ $label.source }}", "templates have no variable `$label` did you mean `$labels`?"),
            ("{{ $value | humaniseDuration }}", "did you mean `humanizeDuration`?"),
            ("{{ values }}", "templates have no function `values` did you mean `value`?"),
            (
                "{{ $row.name }}",
                "no variable `$row` there are $labels, $value, $externalLabels, $externalURL",
            ),
            ("{{ $labels.sorce }}", "there is no label `sorce` here"),
            ("{{ $labels.source ", "`{{ $labels.source` has no end close it with `}}`"),
        ] {
            let messages = messages(template).concat();
            assert!(messages.contains(expected), "{template}: {messages}");
        }
    }
}
