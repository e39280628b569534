//! The values of the chart: that each is explained, has a schema, and does something.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use serde_json::Value;
use testkit::root;

use super::{CHART, VALUES, rendered};
use crate::bundle::objects::parsed;

/// A value of `values.yaml`.
struct Explained {
    /// `image.tag`
    path: String,
    default: String,
    meaning: String,
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(CHART).join(file)).unwrap()
}

/// The values in `values.yaml`, with the comments over them. What has no comment groups others.
fn explained() -> Vec<Explained> {
    let (mut all, mut comment, mut group) = (Vec::new(), Vec::new(), None);
    for line in read("values.yaml").lines().filter(|line| !line.is_empty()) {
        if let Some(text) = line.trim_start().strip_prefix("# ") {
            comment.push(text.to_owned());
            continue;
        }
        let depth = (line.len() - line.trim_start().len()) / 2;
        let (key, default) = line.trim_start().split_once(':').unwrap();
        let groups: &mut Vec<String> = group.get_or_insert_default();
        groups.truncate(depth);
        groups.push(key.to_owned());
        let (path, default) = (groups.join("."), default.trim().to_owned());
        assert_eq!(
            comment.is_empty(),
            default.is_empty(),
            "{path} has to have a comment and a value, or to be a group"
        );
        if !comment.is_empty() {
            all.push(Explained { path, default, meaning: std::mem::take(&mut comment).join(" ") });
        }
    }
    assert!(all.len() > 40, "{}", all.len());
    all
}

fn pointer(path: &str) -> String {
    format!("/{}", path.replace('.', "/"))
}

#[test]
fn the_page_lists_every_value() {
    let page = read("README.md");
    let (text, _) = page.split_once("| value |").unwrap();
    let mut expected = format!("{text}| value | default | meaning |\n|---|---|---|\n");
    for Explained { path, default, meaning } in explained() {
        writeln!(expected, "| `{path}` | `{default}` | {meaning} |").unwrap();
    }
    crate::docs::check(&format!("{CHART}/README.md"), &expected);
}

/// Helm checks the values against the schema, which refuses unknown ones: what is not in the schema would be an error.
#[test]
fn the_schema_has_no_other_values() {
    let schema: Value = serde_json::from_str(&read("values.schema.json")).unwrap();
    let mut paths = BTreeSet::new();
    let mut groups = vec![(String::new(), &schema)];
    while let Some((path, group)) = groups.pop() {
        let group = match group["$ref"].as_str() {
            Some(reference) => schema.pointer(reference.trim_start_matches('#')).unwrap(),
            None => group,
        };
        let Some(properties) = group["properties"].as_object() else {
            paths.insert(path.trim_start_matches('.').to_owned());
            continue;
        };
        assert_eq!(group["additionalProperties"], false, "{path}");
        groups.extend(properties.iter().map(|(key, property)| (format!("{path}.{key}"), property)));
    }
    // What a chart that contains this one shares with it.
    assert!(paths.remove("global"));
    assert_eq!(paths, explained().into_iter().map(|value| value.path).collect());
}

/// Each value is in one of the sets, where its default makes other objects.
#[test]
fn every_value_does_something() {
    let defaults = parsed(&read("values.yaml"), &[]).unwrap().remove(0);
    let sets = VALUES.map(|name| {
        let file = root().join(format!("tests/it/bundle/values/{name}.yaml"));
        let values = parsed(&fs::read_to_string(file).unwrap(), &[]).unwrap().remove(0);
        (name, values, rendered(name, &[]).unwrap())
    });
    let mut idle = Vec::new();
    for Explained { path, .. } in explained() {
        let default = format!("{path}={}", defaults.pointer(&pointer(&path)).unwrap());
        let does_something = sets.iter().any(|(name, values, with)| {
            values.pointer(&pointer(&path)).is_some()
                && rendered(name, &["--set-json", &default]).as_ref() != Ok(with)
        });
        if !does_something {
            idle.push(path);
        }
    }
    assert!(idle.is_empty(), "without effect: {}", idle.join(", "));
}
