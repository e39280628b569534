//! What a configuration may say, and what is reported when it is wrong.

use platform_core::query::parse;
use platform_core::yaml::{self, Faults, Path};
use platform_exporter::registry::languages;

use super::yaml as of_url;
use testkit::subject::config;

fn fault(yaml: &str) -> String {
    config(yaml).expect_err(yaml).to_string()
}

/// The faults of a declared query that asks this.
fn query_fault(question: &str) -> Option<String> {
    let text = format!(
        "name: q\nsource: db\nmongo: {question}\nmetrics: [{{name: users, value: n, help: Users.}}]\n"
    );
    let mut faults = Faults::of("query.yml");
    let tree = yaml::parse(&text, &|_| None, &mut faults).expect("it is YAML");
    let declared = parse::declared(&tree, &Path::default(), &languages(), &mut faults);
    assert_eq!(declared.is_none(), !faults.is_empty());
    declared.is_none().then(|| faults.to_string())
}

#[test]
fn a_url_is_enough() {
    for url in [
        "mongodb://localhost",
        "mongodb://a,b:27018,c/shop?replicaSet=rs0&readPreference=secondary",
        "mongodb+srv://user:p%40ss@cluster.example.com/shop?retryWrites=true&w=majority",
        "mongodb://user:pass@localhost/?authSource=admin&tls=true&socketTimeoutMS=1000",
    ] {
        let config = config(&of_url(url, "")).unwrap();
        assert!(!config.definition().target().contains("ss"), "{}", config.definition().target());
    }
    let target = config(&of_url("mongodb://u:p@a,b/shop?replicaSet=rs0", "")).unwrap().definition().target();
    assert_eq!(target, "mongodb://a,b/shop");
}

#[test]
fn a_wrong_url_is_reported_without_its_secrets() {
    for url in [
        "mongodb://user:Xq7:planted@localhost",
        "mongodb://user:Xq7@planted@localhost",
        "mongodb://user:%Xq7planted@localhost",
    ] {
        let reported = fault(&of_url(url, ""));
        assert!(reported.contains("percent-encode them"), "{reported}");
        assert!(!reported.contains("Xq7") && !reported.contains("planted"), "{reported}");
    }
    for (url, expected) in [
        ("mongodb://user:Xq7/planted@localhost", "`/` is %2F"),
        ("mongodb://user:Xq7?planted@localhost", "`/` is %2F"),
        ("postgres://localhost", "expected a URL that starts with mongodb:// or mongodb+srv://"),
        ("localhost:27017", "expected a URL that starts with mongodb:// or mongodb+srv://"),
        ("mongodb://localhost/?replicaset_nme=rs0", "`replicaset_nme` of the URL is unknown"),
        ("mongodb://localhost/?tsl=true", "did you mean `tls`?"),
        ("mongodb://user@localhost", "the user in the url has no password"),
    ] {
        let reported = fault(&of_url(url, ""));
        assert!(reported.contains(expected), "{reported}");
    }
}

#[test]
fn keys_that_do_not_go_together_are_reported() {
    for (keys, expected) in [
        (", password: x", "the url has no user"),
        (", collections: [orders]", "found `orders`: the url names no database"),
        (", tls: {cert_file: a.pem}", "belong together"),
        (", tls: {server_name: '*'}", "a DNS name"),
        (", slow_operation: 0s", "above zero"),
        (", colections: []", "collections"),
    ] {
        let reported = fault(&of_url("mongodb://localhost", keys));
        assert!(reported.contains(expected), "{reported}");
    }
    let both = fault(&of_url("mongodb://u@localhost", ", password: x, password_file: y"));
    assert!(both.contains("not both"), "{both}");
    config(&of_url("mongodb://u@localhost/shop", ", password: x, collections: [orders, a.b.c]")).unwrap();
}

#[test]
fn a_question_that_may_write_is_refused() {
    for question in [
        "{collection: users, pipeline: [{$match: {plan: free}}, {$count: n}]}",
        "{collection: users, pipeline: [{$project: {n: {$mergeObjects: [$a, $b]}}}]}",
        "{command: {serverStatus: 1}, each: opLatencies}",
        "{database: shop, command: {count: users, query: {plan: free}}}",
        "{command: {aggregate: 1, pipeline: [{$currentOp: {}}]}}",
    ] {
        assert_eq!(query_fault(question), None, "{question}");
    }
    for (question, expected) in [
        ("{collection: users, pipeline: [{$out: copy}]}", "`$out` and `$merge` write"),
        ("{command: {aggregate: users, pipeline: [{$merge: copy}]}}", "`$out` and `$merge` write"),
        ("{collection: users, pipeline: [{$facet: {a: [{$match: {$where: '1'}}]}}]}", "JavaScript"),
        ("{collection: users, pipeline: [{$project: {n: {$function: {}}}}]}", "JavaScript"),
        ("{collection: users, pipeline: [{$group: {_id: 1, n: {$accumulator: {}}}}]}", "JavaScript"),
        ("{command: {drop: users}}", "expected a read-only command"),
        ("{command: {shutdown: 1}}", "expected a read-only command"),
        ("{command: {}}", "expected a read-only command"),
        ("{collection: users, command: {ping: 1}}", "expected either"),
        ("{collection: users, each: a}", "expected either"),
        ("{command: {ping: 1}, pipeline: [{$match: {}}]}", "expected either"),
    ] {
        let reported = query_fault(question).unwrap_or_else(|| panic!("{question} is accepted"));
        assert!(reported.contains(expected), "{question}: {reported}");
    }
}

#[test]
fn the_example_is_right() {
    let text = include_str!("../example.yml");
    let mut faults = Faults::of("kinds/mongodb/example.yml");
    let tree =
        yaml::parse(text, &|_| Some("mongodb://localhost".to_owned()), &mut faults).expect("it is YAML");
    let sources = tree.get("sources").expect("it has sources");
    for (name, source) in sources.entries() {
        let kind = source.get("mongodb").unwrap_or_else(|| panic!("{} is a mongodb", name.text));
        yaml::decode::<kind_mongodb::Config>(kind, &Path::default(), &mut faults);
    }
    for query in tree.get("queries").expect("it has queries").elements() {
        parse::declared(query, &Path::default(), &languages(), &mut faults);
    }
    assert!(faults.is_empty(), "{faults}");
}
