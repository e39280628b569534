//! Strict YAML: every fault at once, each at its place.

use std::collections::BTreeMap;

use platform_core::yaml::{self, Faults, Path};

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Document {
    name: String,
    #[serde(default)]
    count: u32,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    children: BTreeMap<String, Child>,
    shape: Option<Shape>,
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Child {
    port: u16,
    #[serde(default)]
    password: String,
}

#[derive(Debug, PartialEq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Shape {
    Round(Child),
    Flat,
}

fn read(text: &str) -> Result<Document, String> {
    let mut faults = Faults::of("test.yml");
    let variable = |name: &str| (name == "SET").then(|| "value".to_owned());
    let tree = yaml::parse(text, &variable, &mut faults);
    let document = tree.and_then(|tree| yaml::decode(&tree, &Path::default(), &mut faults));
    document.filter(|_| faults.is_empty()).ok_or_else(|| faults.to_string())
}

#[test]
fn a_good_document_is_read() {
    let document =
        read("name: a\ncount: 3\ntags: [x, y]\nchildren: {c: {port: 1}}\nshape: {round: {port: 2}}\n");
    let child = |port| Child { port, password: String::new() };
    assert_eq!(
        document,
        Ok(Document {
            name: "a".to_owned(),
            count: 3,
            tags: vec!["x".to_owned(), "y".to_owned()],
            children: BTreeMap::from([("c".to_owned(), child(1))]),
            shape: Some(Shape::Round(child(2))),
        })
    );
    assert_eq!(read("name: a\nshape: flat\n").map(|document| document.shape), Ok(Some(Shape::Flat)));
}

/// One fault of each sort in one document: all are reported, each at its line and column.
#[test]
fn all_faults_are_reported_at_once() {
    let text = "\
nmae: a
count: many
tags: [x, {y: 1}]
children:
  first: {port: 70000}
  second: {pasword: geheim, port: 1}
  third: {password: [geheim]}
shape: {rund: {port: 1}}
";
    assert_eq!(
        read(text).unwrap_err(),
        "\
test.yml:1:1: nmae: unknown key; expected one of name, count, tags, children, shape (did you mean `name`?)
test.yml:1:1: the key `name` is missing
test.yml:2:8: count: expected a whole number, 0 or above, found a string
test.yml:3:11: tags[1]: expected a string, found a map
test.yml:5:17: children.first.port: expected a whole number, 0 or above
test.yml:6:12: children.second.pasword: unknown key; expected one of port, password (did you mean `password`?)
test.yml:7:10: children.third: the key `port` is missing
test.yml:7:21: children.third.password: expected a string, found a list
test.yml:8:8: shape: expected one of round, flat, found `rund` (did you mean `round`?)"
    );
}

#[test]
fn values_that_may_be_secret_are_not_repeated() {
    let reported =
        read("name: [geheim]\nchildren: {a: {port: geheim, password: {geheim: 1}}}\n").unwrap_err();
    assert!(!reported.contains("geheim"), "{reported}");
    assert_eq!(reported.lines().count(), 3, "{reported}");
}

#[test]
fn a_key_given_twice_is_a_fault() {
    assert_eq!(
        read("name: a\ncount: 1\ncount: 2\nname: b\n").unwrap_err(),
        "test.yml:3:1: count: duplicate key, first on line 2\ntest.yml:4:1: name: duplicate key, first on line 1"
    );
}

#[test]
fn variables_are_replaced_in_strings_alone() {
    let name = |text: &str| read(text).map(|document| document.name);
    assert_eq!(name("name: \"${SET}\""), Ok("value".to_owned()));
    assert_eq!(name("name: a ${SET} b ${SET}"), Ok("a value b value".to_owned()));
    assert_eq!(name("name: $${SET} costs $5 or $SET"), Ok("${SET} costs $5 or $SET".to_owned()));
    assert_eq!(
        read("name: ${NOT_SET}\ntags: [\"${NEITHER}\"]").unwrap_err(),
        "test.yml:1:7: name: the environment variable NOT_SET is not set (write `${NOT_SET:-default}` to \
         set a default, or `$${` for a literal `${`)\n\
         test.yml:2:8: tags[0]: the environment variable NEITHER is not set (write `${NEITHER:-default}` to \
         set a default, or `$${` for a literal `${`)"
    );
    assert_eq!(name("name: ${SET:-a} ${UNSET:-b c} ${UNSET:-}."), Ok("value b c .".to_owned()));
    assert!(
        read("name: ${UNSET:-${SET}}").unwrap_err().contains("a default cannot contain another variable")
    );
    for text in ["name: ${SET:?geheim}", "name: ${SET-geheim}", "name: ${}", "name: ${1}", "name: ${a b}"] {
        let reported = read(text).unwrap_err();
        assert!(reported.contains("`${NAME:-default}`") && !reported.contains("geheim"), "{reported}");
    }
    assert_eq!(read("name: ${SET").unwrap_err(), "test.yml:1:7: name: expected `}` after `${NAME`");
}

/// What is not YAML is reported by its place, without the lines around it.
#[test]
fn broken_yaml_is_reported_without_its_content() {
    for text in ["name: \"geheim\ncount: 1\n", "name: geheim\n  count: 1\n", "a: [geheim\n"] {
        let reported = read(text).unwrap_err();
        assert!(reported.starts_with("test.yml:") && reported.contains("not valid YAML"), "{reported}");
        assert!(!reported.contains("geheim"), "{reported}");
    }
    assert!(read(&"[".repeat(100_000)).is_err());
    assert!(read(&format!("name: {}", "a".repeat(5 << 20))).unwrap_err().contains("at most"));
    assert!(read("").is_err());
}
