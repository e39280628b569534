//! Heatmaps: how the observations of a histogram are spread over its buckets.

use serde_json::{Value, json};

use super::field;
use super::panel::Series;
use super::target::{self, Form};
use super::unit::Unit;

/// The body of a heatmap's panel: time to the right, the buckets' bounds upwards, and a darker cell for more observations.
pub(super) fn body(series: &Series, empty: &str) -> Value {
    let unit = series.look.unit.map_or("none", Unit::grafana);
    json!({
        "type": "heatmap",
        "targets": [target::question("A", &series.question, &series.look, "{{le}}", Form::Buckets)],
        "fieldConfig": {"defaults": field::config(&series.look, empty), "overrides": []},
        "options": {
            "calculate": false,
            "cellGap": 1,
            "cellValues": {"unit": "short"},
            // One colour: it can be read by the colour-blind, and Grafana turns it around for the light theme.
            "color": {"mode": "scheme", "scheme": "Blues", "steps": 64, "exponent": 0.5, "fill": "dark-blue", "reverse": false},
            "exemplars": {"color": "rgba(255,0,255,0.7)"},
            "filterValues": {"le": 1e-9},
            "legend": {"show": true},
            "rowsFrame": {"layout": "auto"},
            "tooltip": {"mode": "single", "yHistogram": true, "showColorScale": false},
            "yAxis": {"axisPlacement": "left", "reverse": false, "unit": unit},
        },
    })
}
