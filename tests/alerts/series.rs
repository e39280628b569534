//! Series in promtool's notation: `name{label="value"}`, and `0x4 1+2x10 _x3 stale`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

static NAME: LazyLock<Regex> = LazyLock::new(|| regex(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?$"));
static LABEL: LazyLock<Regex> = LazyLock::new(|| regex(r#"(\w+)="((?:[^"\\]|\\.)*)""#));
static STRETCH: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^(_|stale|-?[\d.]+(?:e\+?\d+)?)([+-][\d.]+(?:e\+?\d+)?)?(?:x(\d+))?$"));

fn regex(expression: &str) -> Regex {
    Regex::new(expression).expect("a good expression")
}

pub(crate) type Labels = BTreeMap<String, String>;

/// The labels in `a="b", c="d"`.
pub(crate) fn labels(text: &str) -> Labels {
    LABEL.captures_iter(text).map(|label| (label[1].to_owned(), label[2].to_owned())).collect()
}

#[derive(Clone)]
pub(crate) struct Series {
    pub(crate) metric: String,
    pub(crate) labels: Labels,
    /// In promtool's notation.
    pub(crate) values: String,
}

/// How a series begins: a value, and what it grows by with each sample.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Course {
    pub(crate) start: f64,
    pub(crate) step: f64,
}

/// Samples that continue each other; without a course, there are none.
struct Stretch {
    course: Option<Course>,
    count: usize,
}

impl Series {
    pub(crate) fn parse(series: &str, values: &str) -> Self {
        let parts = NAME.captures(series).unwrap_or_else(|| panic!("{series} is no series"));
        let labels = labels(parts.get(2).map_or("", |found| found.as_str()));
        Self { metric: parts[1].to_owned(), labels, values: values.to_owned() }
    }

    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// How it goes at first.
    pub(crate) fn course(&self) -> Option<Course> {
        self.stretches().next()?.course
    }

    /// The number of the first sample that is not what its course leads to.
    pub(crate) fn departure(&self) -> Option<usize> {
        let course = self.course();
        let mut before = 0;
        for stretch in self.stretches() {
            for within in 0..stretch.count {
                let expected = course.map(|course| course.at(before + within));
                if stretch.course.map(|course| course.at(within)) != expected {
                    return Some(before + within);
                }
            }
            before += stretch.count;
        }
        None
    }

    fn stretches(&self) -> impl Iterator<Item = Stretch> {
        self.values.split_whitespace().map(Stretch::parse)
    }

    /// Whether an alert with these labels may be about this series.
    pub(crate) fn concerns(&self, alert: &Labels) -> bool {
        self.labels.iter().all(|(name, value)| alert.get(name).is_none_or(|other| other == value))
    }

    pub(crate) fn input(&self) -> Value {
        json!({"series": self.to_string(), "values": self.values})
    }
}

impl fmt::Display for Series {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels: Vec<_> = self.labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        write!(formatter, "{}{{{}}}", self.metric, labels.join(", "))
    }
}

impl Course {
    fn at(self, sample: usize) -> f64 {
        // Tests have far fewer samples than a f64 can count.
        #[expect(clippy::cast_precision_loss)]
        let sample = sample as f64;
        self.start + self.step * sample
    }
}

impl Stretch {
    fn parse(text: &str) -> Self {
        let parts = STRETCH.captures(text).unwrap_or_else(|| panic!("{text} is no stretch of samples"));
        let number = |index| parts.get(index).map(|found| found.as_str().parse().expect("it is a number"));
        let repeated = parts.get(3).map(|found| found.as_str().parse().expect("it is a count"));
        match &parts[1] {
            // `_x3` are 3 gaps, and `1x3` are 4 samples.
            "_" => Self { course: None, count: repeated.unwrap_or(1) },
            "stale" => Self { course: None, count: 1 },
            _ => {
                let start = number(1).expect("it has been matched");
                let course = Course { start, step: number(2).unwrap_or_default() };
                Self { course: Some(course), count: repeated.unwrap_or(0) + 1 }
            }
        }
    }
}
