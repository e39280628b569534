//! From an exposition to bytes: text 0.0.4, or OpenMetrics through `prometheus-client`.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabel, EncodeLabelSet, EncodeMetric, LabelSetEncoder,
};
use prometheus_client::metrics::MetricType as ClientType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::merge::Part;
use super::{Exposition, Group, MetricType, Sample, text};

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

/// The text of an exposition in a format.
pub fn encode(exposition: &Arc<Exposition>, format: Format) -> String {
    let mut out = String::new();
    match format {
        Format::Text => text::write(exposition, &mut out),
        Format::OpenMetrics => {
            let mut registry = Registry::default();
            registry.register_collector(Box::new(Arc::clone(exposition)));
            prometheus_client::encoding::text::encode(&mut out, &registry)
                .expect("writing to a string does not fail");
        }
    }
    out
}

/// One collector for the whole exposition: two that share a family would print its metadata twice.
impl Collector for Exposition {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.groups().try_for_each(|group| encode_group(group, &mut encoder))
    }
}

fn encode_group(group: &Group, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let desc = group.desc();
    let mut help = String::with_capacity(desc.help.len());
    text::escape(&desc.help, true, &mut help)?;
    // The encoder appends `_total` to the samples of a counter itself.
    let (name, client_type) = match desc.metric_type {
        MetricType::Counter => (desc.name.strip_suffix("_total").unwrap_or(&desc.name), ClientType::Counter),
        MetricType::Gauge => (&*desc.name, ClientType::Gauge),
        MetricType::Unknown => (&*desc.name, ClientType::Unknown),
    };
    let mut family = encoder.encode_descriptor(name, &help, None, client_type)?;
    for part in group.parts() {
        for sample in &part.family.samples {
            let labels = Labels { part, sample };
            let series = family.encode_family(&labels)?;
            match desc.metric_type {
                MetricType::Counter => ConstCounter::new(sample.value).encode(series)?,
                MetricType::Gauge | MetricType::Unknown => ConstGauge::new(sample.value).encode(series)?,
            }
        }
    }
    Ok(())
}

struct Labels<'a> {
    part: &'a Part,
    sample: &'a Sample,
}

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        if let Some(source) = &self.part.source {
            ("source", &**source).encode(encoder.encode_label())?;
        }
        for label in self.part.family.desc.labels.iter().zip(self.sample.labels.iter().map(String::as_str)) {
            label.encode(encoder.encode_label())?;
        }
        Ok(())
    }
}
