use super::*;

fn family(name: &'static str, labels: &'static [&'static str], samples: &[(&[&str], f64)]) -> Family {
    let samples = samples.iter().map(|(labels, value)| Sample {
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        value: *value,
    });
    Family { samples: samples.collect(), ..Desc::unknown(name, labels, "Help.").family() }
}

fn lines(families: &[Family], name: &str) -> Vec<String> {
    let family = families.iter().find(|family| family.desc.name == name).unwrap();
    let line = |sample: &Sample| {
        let pairs = family.desc.labels.iter().zip(sample.labels.iter());
        let labels: Vec<_> = pairs.map(|(name, value)| format!("{name}={value}")).collect();
        format!("{} {}", labels.join(","), sample.value)
    };
    family.samples.iter().map(line).collect()
}

#[test]
fn older_names_are_made_of_newer_ones() {
    let older = names().of(&[
        family(
            "mongodb_ss_connections",
            &["host", "conn_type"],
            &[(&["a", "current"], 5.0), (&["a", "totalCreated"], 9.0)],
        ),
        family("mongodb_ss_mem_resident", &["host"], &[(&["a"], 70.0)]),
        family("mongodb_ss_mem_virtual", &["host"], &[(&["a"], 80.0)]),
        family("mongodb_ss_opLatencies_ops", &["host", "op_type"], &[(&["a", "reads"], 3.0)]),
        family("mongodb_ss_wt_cache_modified_pages_evicted", &["host"], &[(&["a"], 1.0)]),
        family("mongodb_ss_wt_cache_unmodified_pages_evicted", &["host"], &[(&["a"], 2.0)]),
    ]);
    assert_eq!(
        lines(&older, "mongodb_connections"),
        ["host=a,state=current 5", "host=a,state=totalCreated 9"]
    );
    assert_eq!(lines(&older, "mongodb_connections_metrics_created_total"), ["host=a 9"]);
    assert_eq!(lines(&older, "mongodb_memory"), ["host=a,type=resident 70", "host=a,type=virtual 80"]);
    assert_eq!(lines(&older, "mongodb_mongod_op_latencies_ops_total"), ["host=a,type=read 3"]);
    assert_eq!(lines(&older, "mongodb_mongod_wiredtiger_cache_evicted_total"), ["host=a 3"]);
    assert_eq!(older.len(), 5);
}
