//! Encodes families with `prometheus-client`. For text 0.0.4, the metadata lines are written here.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabel, EncodeLabelSet, EncodeMetric, LabelSetEncoder, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType as ClientType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::{Desc, Family, HistogramSample, MetricType, label_value};

/// An exposition format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Format {
    /// The value of the `Content-Type` header. Prometheus 3 fails a scrape without a valid one.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
            Self::OpenMetrics => {
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"
            }
        }
    }
}

/// The end of an exposition in OpenMetrics.
pub(super) const OPENMETRICS_END: &str = "# EOF\n";

/// The lines of metadata of a family.
pub(super) fn metadata(desc: &Desc, format: Format) -> String {
    match format {
        Format::Text => text_metadata(desc).expect("writing to a string does not fail"),
        Format::OpenMetrics => {
            let (mut text, help) = (String::new(), escape(&desc.help, true));
            by_client(None, desc.family(), help, &mut text);
            text
        }
    }
}

/// The lines of a family's samples, written into a reusable string.
pub(super) fn lines<'a>(
    source: Option<&Arc<str>>,
    family: Family,
    scratch: &'a mut String,
) -> (Arc<Desc>, &'a str) {
    // The metadata is left out, so its text does not matter.
    let desc = by_client(source, family, String::new(), scratch);
    let end_of_metadata = scratch.match_indices('\n').nth(1).map_or(0, |(at, _)| at + 1);
    (desc, &scratch[end_of_metadata..])
}

fn by_client(source: Option<&Arc<str>>, family: Family, help: String, text: &mut String) -> Arc<Desc> {
    let part = Arc::new(Part { source: source.cloned(), family, help });
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Arc::clone(&part)));
    text.clear();
    encode_registry(text, &registry).expect("writing to a string does not fail");
    drop(registry);
    Arc::into_inner(part).expect("the registry is gone").family.desc
}

/// One source's part of a family.
#[derive(Debug)]
struct Part {
    source: Option<Arc<str>>,
    family: Family,
    /// Escaped.
    help: String,
}

impl Collector for Part {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let desc = &self.family.desc;
        // The encoder appends `_total` to the samples of a counter itself.
        let (name, client_type) = match (desc.metric_type, desc.name.strip_suffix("_total")) {
            (MetricType::Counter, Some(name)) => (name, ClientType::Counter),
            // OpenMetrics has no counter without `_total`.
            (MetricType::Counter, None) | (MetricType::Unknown, _) => (&*desc.name, ClientType::Unknown),
            (MetricType::Gauge, _) => (&*desc.name, ClientType::Gauge),
            (MetricType::Histogram, _) => (&*desc.name, ClientType::Histogram),
        };
        let mut family = encoder.encode_descriptor(name, &self.help, None, client_type)?;
        let has_labels = self.source.is_some() || !desc.labels.is_empty();
        if has_labels {
            self.family.samples.iter().try_for_each(|sample| {
                let labels = Labels { part: self, values: &sample.labels };
                value(client_type, sample.value, family.encode_family(&labels)?)
            })?;
            self.family.histograms.iter().try_for_each(|one| {
                let labels = Labels { part: self, values: &one.labels };
                histogram(one, family.encode_family(&labels)?)
            })
        } else {
            // An empty label set would produce empty braces.
            match (self.family.samples.first(), self.family.histograms.first()) {
                (Some(sample), _) => value(client_type, sample.value, family),
                (None, Some(one)) => histogram(one, family),
                (None, None) => Ok(()),
            }
        }
    }
}

/// Up to here an `f64` holds integers exactly, and they are written without a fraction.
const EXACT: f64 = 9_007_199_254_740_992.0;

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is an integer within range")]
fn value(client_type: ClientType, value: f64, series: MetricEncoder<'_>) -> fmt::Result {
    let is_integer = value.fract() == 0.0 && value.abs() < EXACT;
    match client_type {
        ClientType::Counter if is_integer && value >= 0.0 => ConstCounter::new(value as u64).encode(series),
        ClientType::Counter => ConstCounter::new(value).encode(series),
        _ if is_integer => ConstGauge::new(value as i64).encode(series),
        _ => ConstGauge::new(value).encode(series),
    }
}

fn histogram(one: &HistogramSample, mut series: MetricEncoder<'_>) -> fmt::Result {
    let exemplars: Option<&HashMap<usize, Exemplar<NoLabelSet, f64>>> = None;
    series.encode_histogram(one.sum(), one.count(), &one.increments(), exemplars)
}

struct Labels<'a> {
    part: &'a Part,
    values: &'a [String],
}

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        if let Some(source) = &self.part.source {
            ("source", &**source).encode(encoder.encode_label())?;
        }
        for (name, value) in self.part.family.desc.labels.iter().zip(self.values) {
            (name, &*label_value(value)).encode(encoder.encode_label())?;
        }
        Ok(())
    }
}

/// <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>
fn text_metadata(desc: &Desc) -> Result<String, fmt::Error> {
    let metric_type = match desc.metric_type {
        MetricType::Counter => "counter",
        MetricType::Gauge => "gauge",
        MetricType::Unknown => "untyped",
        MetricType::Histogram => "histogram",
    };
    let (name, mut out) = (&desc.name, String::new());
    writeln!(out, "# HELP {name} {}\n# TYPE {name} {metric_type}", escape(&desc.help, false))?;
    Ok(out)
}

/// Escapes a HELP text, or with `quotes` that of OpenMetrics, or a label value.
fn escape(text: &str, quotes: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes => out.push_str("\\\""),
            other => out.push(other),
        }
    }
    out
}
