//! The text format 0.0.4, which clients without OpenMetrics read.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>

use std::fmt::{self, Write};

use super::{Exposition, Family, Group, MetricType, Sample};

pub(super) fn write(exposition: &Exposition, out: &mut String) {
    for group in exposition.groups() {
        write_group(group, out).expect("writing to a string does not fail");
    }
}

fn write_group(group: &Group, out: &mut String) -> fmt::Result {
    let name = &group.desc().name;
    let metric_type = match group.desc().metric_type {
        MetricType::Counter => "counter",
        MetricType::Gauge => "gauge",
        MetricType::Unknown => "untyped",
    };
    out.write_str("# HELP ")?;
    out.write_str(name)?;
    out.write_char(' ')?;
    escape(&group.desc().help, false, out)?;
    writeln!(out, "\n# TYPE {name} {metric_type}")?;
    for part in group.parts() {
        for sample in &part.family.samples {
            write_sample(part.source.as_deref(), &part.family, sample, out)?;
        }
    }
    Ok(())
}

fn write_sample(source: Option<&str>, family: &Family, sample: &Sample, out: &mut String) -> fmt::Result {
    out.write_str(&family.desc.name)?;
    let source = source.map(|source| ("source", source));
    let labels = family.desc.labels.iter().zip(sample.labels.iter().map(String::as_str));
    let mut separator = '{';
    for (name, value) in source.into_iter().chain(labels) {
        write!(out, "{separator}{name}=\"")?;
        escape(value, true, out)?;
        out.write_char('"')?;
        separator = ',';
    }
    if separator == ',' {
        out.write_char('}')?;
    }
    out.write_char(' ')?;
    write_value(sample.value, out)?;
    out.write_char('\n')
}

/// Escapes a HELP text, or with `quotes` a label value.
pub(super) fn escape(text: &str, quotes: bool, out: &mut String) -> fmt::Result {
    for character in text.chars() {
        match character {
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '"' if quotes => out.write_str("\\\"")?,
            other => out.write_char(other)?,
        }
    }
    Ok(())
}

/// Integers that an `f64` holds exactly are written without a fraction.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn write_value(value: f64, out: &mut String) -> fmt::Result {
    if value.is_nan() {
        out.write_str("NaN")
    } else if value.is_infinite() {
        out.write_str(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else if value.fract() == 0.0 && value.abs() < EXACT {
        write!(out, "{value:.0}")
    } else {
        write!(out, "{value:?}")
    }
}
