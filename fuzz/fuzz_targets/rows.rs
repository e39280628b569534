//! Rows of a query in several runs: samples within the budget, or a reason.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use platform_core::query::{Cell, DistinctCount, Reading, Rows, parse};
use platform_core::yaml::{self, Faults, Path};
use platform_exporter::registry::languages;
use platform_exporter_fuzz::{Value, check_families};

const QUERY: &str = "
name: q
source: db
sql: SELECT 1
labels: [a, b]
max_series: 8
metrics:
  - {name: acme_n, value: n, help: N.}
  - {name: acme_scaled, value: n, help: N., scale: 0.001, additive: false}
  - {name: acme_by, value: n, help: N., labels: {c: x}}
  - {name: acme_by, value: m, help: N., labels: {c: y}, optional: true}
";

fuzz_target!(|runs: Vec<Vec<[Value; 4]>>| {
    let mut faults = Faults::of("query.yml");
    let tree = yaml::parse(QUERY, &|_| None, &mut faults).expect("good YAML");
    let query = parse::declared(&tree, &Path::default(), &languages(), &mut faults).expect("a good query");
    let mut reading = Reading::new(Arc::new(query.spec));
    let mut distinct = DistinctCount::exact_up_to(4);
    for rows in runs {
        let rows = rows.into_iter().map(|row| row.into_iter().map(Cell::from).collect()).collect();
        let rows = Rows::new(["a", "b", "n", "m"].map(str::to_owned).to_vec(), rows);
        distinct.add(&rows);
        assert!(distinct.count() >= 0.0);
        if let Ok(result) = reading.read(rows) {
            assert!(result.families.iter().all(|family| family.series_count() <= 16), "over the budget");
            check_families(result.families);
        }
    }
});
