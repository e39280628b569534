//! Arbitrary families of arbitrary sources, merged, encoded, and read back by the reference parsers: names, labels
//! and values are what they were, to the last bit.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use platform_core::metric::{
    Desc, Exposition, Family, Format, HistogramSample, LabelName, LabelNames, Lines, MetricType, Sample,
    encode,
};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use testkit::dependency;

/// A source, or the exporter itself, with its families.
type Source = (Option<String>, Vec<Family>);

#[test]
fn any_exposition_is_read_as_it_was_meant() {
    let parsers = RefCell::new(Parsers::start());
    let config = Config { failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&sources(), |sources| {
            let mut exposition = Exposition::default();
            for (source, families) in &sources {
                let source = source.as_deref().map(Arc::from);
                exposition.put(source.as_ref(), Lines::renew(&[], source.as_ref(), families.iter().cloned()));
            }
            for (format, name) in [(Format::Text, "text"), (Format::OpenMetrics, "openmetrics")] {
                let expected = merged(&sources, format);
                let text = encode(&exposition, format);
                prop_assert_eq!(&parsers.borrow_mut().read(name, &text), &expected, "{}:\n{}", name, text);
            }
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}

/// What the parsers should find: each name once, in order, with the samples of every source that gives it the first of
/// its types; the exporter's own come before those of sources.
fn merged(sources: &[Source], format: Format) -> Value {
    let sources: BTreeMap<&Option<String>, &Vec<Family>> =
        sources.iter().map(|(source, families)| (source, families)).collect();
    let mut groups: BTreeMap<(&str, MetricType), (&Desc, Vec<Value>)> = BTreeMap::new();
    for (source, families) in sources {
        for family in families {
            let key = (&*family.desc.name, family.desc.metric_type);
            let (_, samples) = groups.entry(key).or_insert_with(|| (&family.desc, Vec::new()));
            let source = source.as_deref();
            samples.extend(family.samples.iter().map(|one| sample(source, family, one, format)));
            samples.extend(family.histograms.iter().flat_map(|one| histogram(source, &family.desc, one)));
        }
    }
    let mut last = None;
    let is_first_type = |((name, _), _): &((_, _), _)| last.replace(*name) != Some(*name);
    groups
        .into_iter()
        .filter(is_first_type)
        .map(|(_, (desc, samples))| group(desc, &samples, format))
        .collect()
}

fn group(desc: &Desc, samples: &[Value], format: Format) -> Value {
    let (name, metric_type) = match desc.metric_type {
        MetricType::Counter if is_unknown(desc, format) => (&*desc.name, "unknown"),
        MetricType::Counter => (desc.name.strip_suffix("_total").unwrap_or(&desc.name), "counter"),
        MetricType::Histogram => (&*desc.name, "histogram"),
        MetricType::Gauge => (&*desc.name, "gauge"),
        MetricType::Unknown => (&*desc.name, "unknown"),
    };
    json!({"name": name, "type": metric_type, "help": desc.help, "samples": samples})
}

/// OpenMetrics has no counter without `_total`.
fn is_unknown(desc: &Desc, format: Format) -> bool {
    format == Format::OpenMetrics && !desc.name.ends_with("_total")
}

fn sample(source: Option<&str>, family: &Family, sample: &Sample, format: Format) -> Value {
    let desc = &family.desc;
    // The parser of the text format appends it to the names of counters that lack it.
    let is_short = desc.metric_type == MetricType::Counter && !desc.name.ends_with("_total");
    let name = if is_short && format == Format::Text {
        format!("{}_total", desc.name)
    } else {
        desc.name.to_string()
    };
    json!([name, labels(source, desc, &sample.labels), bits(sample.value)])
}

/// In the order of the exposition.
fn histogram(source: Option<&str>, desc: &Desc, one: &HistogramSample) -> Vec<Value> {
    let own = labels(source, desc, &one.labels);
    let name = |suffix: &str| format!("{}{suffix}", desc.name);
    let count = |count: u64| bits(f64::from(u32::try_from(count).unwrap()));
    let bounds = one.buckets().iter().map(|(bound, at_most)| (format!("{bound:?}"), *at_most));
    let bucket = |(bound, at_most): (String, u64)| {
        let le = BTreeMap::from([("le", bound.as_str())]);
        let labels: BTreeMap<&str, &str> =
            own.iter().chain(&le).map(|(name, value)| (*name, *value)).collect();
        json!([name("_bucket"), labels, count(at_most)])
    };
    let buckets = bounds.chain([("+Inf".to_owned(), one.count())]).map(bucket);
    let sum = json!([name("_sum"), own, bits(one.sum())]);
    let all = json!([name("_count"), own, count(one.count())]);
    [sum, all].into_iter().chain(buckets).collect()
}

fn labels<'a>(source: Option<&'a str>, desc: &'a Desc, values: &'a [String]) -> BTreeMap<&'a str, &'a str> {
    let own = desc.labels.iter().zip(values.iter().map(String::as_str));
    source.map(|source| ("source", source)).into_iter().chain(own).collect()
}

fn bits(value: f64) -> String {
    if value.is_nan() { "nan".to_owned() } else { format!("{:016x}", (value + 0.0).to_bits()) }
}

/// Sources with different names: the exporter's own families come without one.
fn sources() -> impl Strategy<Value = Vec<Source>> {
    let own = families().prop_map(|families| (None, families));
    let others = btree_map(text(), families(), 0..4)
        .prop_map(|sources| sources.into_iter().map(|(name, families)| (Some(name), families)));
    (own, others).prop_map(|(own, others)| {
        let mut sources: Vec<Source> = others.collect();
        sources.push(own);
        sources
    })
}

/// Families of one source: few names, so that sources share them, with the same type and with another.
fn families() -> impl Strategy<Value = Vec<Family>> {
    let names = prop::sample::subsequence(
        vec!["A", "_", "a", "a_count", "a_jobs_total", "a_sum", "b9_Z", "c_total", "h", "z__"],
        0..5,
    );
    names.prop_flat_map(|names| names.into_iter().map(family).collect::<Vec<_>>()).prop_shuffle()
}

fn family(name: &'static str) -> impl Strategy<Value = Family> {
    let metric_type = match name {
        "h" => Just(MetricType::Histogram).boxed(),
        _ if name.ends_with("_total") => Just(MetricType::Counter).boxed(),
        _ => prop_oneof![
            3 => Just(MetricType::Gauge), 1 => Just(MetricType::Unknown), 1 => Just(MetricType::Counter)
        ]
        .boxed(),
    };
    (metric_type, label_names(), text()).prop_flat_map(move |(metric_type, labels, help)| {
        let label_sets = btree_set(vec(text(), labels.len()), 1..6);
        let values = vec(value(metric_type), 6);
        let histograms = vec(observed(), 6);
        let desc = Desc {
            name: name.into(),
            // The text parser takes the blanks between a name and its HELP for one.
            help: format!("|{help}|").into(),
            metric_type,
            labels: LabelNames::Declared(labels),
        };
        (label_sets, values, histograms).prop_map(move |(label_sets, values, histograms)| {
            let mut family = desc.family();
            let label_sets = label_sets.into_iter().map(Arc::from);
            if metric_type == MetricType::Histogram {
                let sample =
                    |(labels, (buckets, sum, count))| HistogramSample::new(labels, buckets, sum, count);
                family.histograms = label_sets.zip(histograms).map(sample).collect();
            } else {
                let sample = |(labels, value)| Sample { labels, value };
                family.samples = label_sets.zip(values).map(sample).collect();
            }
            family
        })
    })
}

/// Buckets, a sum and a count.
fn observed() -> impl Strategy<Value = (Vec<(f64, u64)>, f64, u64)> {
    let bounds = prop::sample::subsequence(vec![0.001, 0.25, 1.0, 10.0, 2500.0, 1e6], 0..6);
    let counts = vec((0..1000_u32).prop_map(u64::from), 6);
    (bounds, counts, 0.0..1e9, 0..1000_u64)
        .prop_map(|(bounds, counts, sum, count)| (bounds.into_iter().zip(counts).collect(), sum, count))
}

fn label_names() -> impl Strategy<Value = Vec<String>> {
    let name = "[a-zA-Z_][a-zA-Z0-9_]{0,6}".prop_filter("a name that a configuration may give", |name| {
        LabelName::try_from(name.clone()).is_ok()
    });
    btree_set(name, 0..4).prop_map(|names| names.into_iter().collect())
}

/// What a label or a HELP may hold: everything, and often what has a meaning in the formats.
fn text() -> impl Strategy<Value = String> {
    let meaningful = prop::sample::select(vec![
        "\\", "\"", "\n", "\\n", "\\\"", "\r", "\0", "{", "}", "=", ",", "#", " ", "\t", "# EOF\n", "\u{85}",
        "\u{2028}", "\u{feff}", "ü", "🦀", "e\u{301}", "",
    ]);
    let piece = prop_oneof![meaningful.prop_map(str::to_owned), any::<char>().prop_map(String::from)];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn value(metric_type: MetricType) -> BoxedStrategy<f64> {
    use prop::num::f64::{ANY, INFINITE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    let special = vec![
        0.0,
        1.0,
        0.1,
        1e15,
        1e16,
        1e21,
        1e-7,
        f64::MAX,
        f64::MIN_POSITIVE,
        5e-324,
        9_007_199_254_740_991.0,
        9_007_199_254_740_992.0,
        9_007_199_254_740_993.0,
        f64::INFINITY,
    ];
    match metric_type {
        // OpenMetrics knows no negative counters, nor any that are no number.
        MetricType::Counter => {
            prop_oneof![POSITIVE | NORMAL | SUBNORMAL | ZERO | INFINITE, prop::sample::select(special)]
                .boxed()
        }
        MetricType::Gauge | MetricType::Unknown | MetricType::Histogram => {
            let negative = special.iter().map(|value| -value);
            let special: Vec<f64> = special.iter().copied().chain(negative).chain([f64::NAN]).collect();
            prop_oneof![ANY, prop::sample::select(special)].boxed()
        }
    }
}

/// The reference parsers, in one process for all cases.
struct Parsers {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Parsers {
    fn start() -> Self {
        let mut child = Command::new(dependency("venv/bin/python"))
            .args(["-c", include_str!("reference_parser.py")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the Python environment is there: run `make deps`");
        let requests = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, requests, answers }
    }

    fn read(&mut self, format: &str, exposition: &str) -> Value {
        let request = json!({"format": format, "exposition": exposition});
        writeln!(self.requests, "{request}").expect("the process reads requests to its end");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("each request is answered");
        serde_json::from_str(&answer).expect("each request is answered with JSON")
    }
}

impl Drop for Parsers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
