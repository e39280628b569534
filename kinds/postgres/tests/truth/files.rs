//! What the files of a server say.

use std::fs::{self, DirEntry, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::known::{Known, Moment};
use super::recount::{Database, number};
use testkit::recount::{Series, series};

/// Times of files are those of the last tick of the kernel's clock, in seconds.
const TICK: f64 = 0.01;

/// When it started, and whether it is a standby. The third line of its file is the second in which it began to start,
/// and the file was last written when it was ready.
pub(super) fn server(data: &Path) -> (Moment, bool) {
    let file = data.join("postmaster.pid");
    let text = fs::read_to_string(&file).expect("it runs");
    let earliest = text.lines().nth(2).and_then(|line| line.parse().ok()).expect("its start");
    let latest = modified(&file.metadata().expect("it is there")) + TICK;
    (Moment { earliest, latest }, data.join("standby.signal").exists())
}

pub(super) fn modified(file: &Metadata) -> f64 {
    let time = file.modified().expect("Linux knows it");
    time.duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64()
}

/// The files of a directory; those that go meanwhile are not there.
pub(super) fn files(directory: &Path) -> Vec<(String, Metadata)> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let file = |entry: DirEntry| Some((entry.file_name().into_string().ok()?, entry.metadata().ok()?));
    entries.flatten().filter_map(file).filter(|(_, file)| file.is_file()).collect()
}

#[expect(clippy::cast_precision_loss, reason = "files of a test are small")]
fn bytes<'a>(files: impl IntoIterator<Item = &'a (String, Metadata)>) -> f64 {
    files.into_iter().map(|(_, file)| file.len()).sum::<u64>() as f64
}

pub(super) fn sizes(data: &Path, databases: &[Database], known: &Known) -> Series {
    let open = databases.iter().filter(|database| !known.closed_to_it.contains(&database.name.as_str()));
    let size = |database: &Database| {
        let size = bytes(&files(&data.join("base").join(&database.oid)));
        (series("pg_database_size_bytes", &[&database.name]), size)
    };
    open.map(size).collect()
}

pub(super) fn wal(data: &Path, is_archived: bool) -> Series {
    let mut segments = files(&data.join("pg_wal"));
    segments.retain(|(name, _)| name.len() == 24 && name.chars().all(|digit| digit.is_ascii_hexdigit()));
    let mut all = Series::from([
        ("pg_wal_segments".to_owned(), number(segments.len())),
        ("pg_wal_size_bytes".to_owned(), bytes(&segments)),
    ]);
    if is_archived {
        let mut ready = files(&data.join("pg_wal/archive_status"));
        ready.retain(|(name, _)| name.ends_with(".ready"));
        all.insert("pg_archive_ready_files".to_owned(), number(ready.len()));
        if let Some(oldest) = ready.iter().map(|(_, file)| file.mtime()).min() {
            let oldest = u32::try_from(oldest).expect("before 2106");
            all.insert("pg_archive_ready_oldest_timestamp_seconds".to_owned(), f64::from(oldest));
        }
    }
    all
}
