//! Measurements compared with other exporters, on the same services in the same run. They print figures;
//! `soak` and `hostile` also judge them.
//!
//! `make bench` runs every section and writes docs/benchmarks.md; `make bench ONLY="scrape memory"` updates some.
//! `make soak`: memory, descriptors, threads and connections over a long run with faults; also writes a section.
//! `pack-NAME`: what the queries of a pack cost the database of a large platform.

mod bare;
mod builds;
mod cycles;
mod declared;
mod detours;
mod encode;
mod fleets;
mod growth;
mod hostile;
mod hung;
mod load;
mod logs;
mod machine;
mod memory;
mod ours;
mod pack_hayon;
mod pack_hivesync;
mod pack_joip;
mod parity;
mod peers;
mod probing;
mod queues;
mod report;
mod samples;
mod scrape;
mod series;
mod soak;
mod sources;
mod start;
mod stats;
mod usage;

use std::time::Instant;

use report::Section;

/// The sections in order: name and title.
const SECTIONS: [(&str, &str); 13] = [
    ("scrape", "Scrapes"),
    ("hung", "A service that hangs"),
    ("encode", "Encoding"),
    ("probing", "Probes"),
    ("parity", "The same samples"),
    ("memory", "Memory"),
    ("growth", "Growth"),
    ("sources", "Thousands of sources"),
    ("fleets", "Fleets"),
    ("logs", "Log files"),
    ("queues", "Queues"),
    ("start", "Start and faults"),
    ("builds", "Builds with some of the kinds"),
];

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        // The process of `bare::Bare`, with one thread, as the exporter serves with one.
        ["bare", directory, port] => {
            let port = port.parse().map_err(|error| format!("{port}: {error}"))?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| error.to_string())?;
            runtime.block_on(bare::serve(directory.as_ref(), port));
            Ok(())
        }
        ["encode-memory", name, series] => {
            let series = series.parse().map_err(|error| format!("{series}: {error}"))?;
            encode::memory(name, series);
            Ok(())
        }
        _ => bench(&words),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn bench(words: &[&str]) -> Result<(), String> {
    match words.first() {
        Some(&"hostile") => write(hostile::run().await?.as_slice()),
        Some(&"soak") => write(soak::run().await?.as_slice()),
        Some(&"pack-hayon") => pack_hayon::run().await,
        Some(&"pack-hivesync") => pack_hivesync::run().await,
        Some(&"pack-joip") => pack_joip::run().await,
        _ => sections(words).await?,
    }
    Ok(())
}

/// The number in an environment variable. make passes an empty one if none was given.
fn number(variable: &str) -> Result<Option<u64>, String> {
    let given = std::env::var(variable).ok().filter(|text| !text.is_empty());
    given.map(|text| text.parse().map_err(|_| format!("{variable} is not a number: {text}"))).transpose()
}

/// Runs the named sections, or all, and writes them to the document.
async fn sections(words: &[&str]) -> Result<(), String> {
    let known = SECTIONS.map(|(name, _)| name);
    if let Some(unknown) = words.iter().find(|word| !known.contains(word)) {
        return Err(format!("{unknown}: expected one or more of {}", known.join(", ")));
    }
    let started = Instant::now();
    let mut written = Vec::new();
    for (name, title) in SECTIONS {
        if words.is_empty() || words.contains(&name) {
            written.push(section(name, title).await);
            println!("{:.0?} since the start", started.elapsed());
        }
    }
    write(&written);
    Ok(())
}

/// Writes sections to the document.
fn write(sections: &[Section]) {
    let order: Vec<_> =
        SECTIONS.iter().map(|&(_, title)| title).chain([soak::TITLE, hostile::TITLE]).collect();
    report::write(sections, &order, &machine::description());
}

async fn section(name: &str, title: &'static str) -> Section {
    match name {
        "scrape" => scrape::run(title).await,
        "hung" => hung::run(title).await,
        "encode" => encode::run(title),
        "probing" => probing::run(title).await,
        "parity" => parity::run(title).await,
        "memory" => memory::run(title).await,
        "growth" => growth::run(title).await,
        "sources" => sources::run(title).await,
        "fleets" => fleets::run(title).await,
        "logs" => logs::run(title).await,
        "queues" => queues::run(title).await,
        "start" => start::run(title).await,
        _ => builds::run(title).await,
    }
}
