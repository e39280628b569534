//! The history as blocks of Prometheus, made by `promtool`.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::past::Past;

/// The lengths of blocks, in hours: Prometheus' own. Recent blocks have more samples in an hour.
const SHORT: i64 = 2;
const LONG: i64 = 18;
/// How many blocks are made at once.
const AT_ONCE: usize = 2;

/// Some of the points in time, and the hours that their block may span.
#[derive(Debug)]
struct Piece {
    times: Range<usize>,
    hours: i64,
}

impl Past {
    /// Writes the blocks of the series whose names fit into the data directory of a server, which finds them when it starts.
    ///
    /// # Errors
    /// When files cannot be written, or `promtool` fails.
    pub fn write(&self, directory: &Path, fits: &(dyn Fn(&str) -> bool + Sync)) -> io::Result<()> {
        let watched = self.watched.iter().filter_map(|series| {
            let stored = self.stored(series, fits)?;
            Some((series, stored, self.first(series)))
        });
        let watched: Vec<_> = watched.collect();
        let recorded = self.recorded.iter().filter(|(series, _)| fits(super::exposition::name(series)));
        let recorded: Vec<_> = recorded.collect();
        let make = |piece: &Piece| -> io::Result<()> {
            let mut lines = Lines::default();
            let times: Vec<_> = self.calendar.times[piece.times.clone()].to_vec();
            let written: Vec<_> = times.iter().map(|time| format!(" {time}\n")).collect();
            for (series, stored, first) in &watched {
                let rhythm = series.rhythm(&self.calendar);
                let skipped = first.saturating_sub(piece.times.start);
                for (index, time) in piece.times.clone().zip(&written).skip(skipped) {
                    if let Some(value) = series.at(index, &self.calendar, rhythm) {
                        lines.push(stored, value, time);
                    }
                }
            }
            for (series, values) in &recorded {
                let first = values.partition_point(|(time, _)| *time < times[0]);
                let within = values[first..].iter().take_while(|(time, _)| *time <= times[times.len() - 1]);
                within.for_each(|(time, value)| lines.push(series, *value, &format!(" {time}\n")));
            }
            import(&lines.text, directory, piece.hours)
        };
        let pieces = Mutex::new(self.pieces().into_iter());
        let next = || pieces.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = || std::iter::from_fn(next).try_for_each(|piece| make(&piece));
        thread::scope(|scope| {
            let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| worker.join().expect("it does not panic"))
        })
    }

    /// The points in time, cut where blocks begin.
    fn pieces(&self) -> Vec<Piece> {
        let times = &self.calendar.times;
        let long = LONG * 3600;
        // The last long block ends before samples become dense.
        let dense = times.windows(2).position(|pair| pair[1] - pair[0] < 300).map_or(0, |index| times[index]);
        let dense = dense.div_euclid(long) * long;
        let hours = |time: i64| if time < dense { LONG } else { SHORT };
        let block = |time: i64| time.div_euclid(hours(time) * 3600);
        let mut pieces = Vec::new();
        let mut start = 0;
        for index in 1..=times.len() {
            let is_cut = index == times.len()
                || hours(times[index]) != hours(times[start])
                || block(times[index]) != block(times[start]);
            if is_cut {
                pieces.push(Piece { times: start..index, hours: hours(times[start]) });
                start = index;
            }
        }
        pieces
    }
}

/// Samples in OpenMetrics.
#[derive(Default)]
struct Lines {
    text: String,
    /// The last value, and how it is written: most values are those before.
    last: (u64, String),
}

impl Lines {
    /// Adds a sample, with its time as it ends the line.
    fn push(&mut self, series: &str, value: f64, time: &str) {
        let (last, written) = &mut self.last;
        if *last != value.to_bits() || written.is_empty() {
            written.clear();
            // To write into a string cannot fail.
            let _ = write!(written, " {value}");
            *last = value.to_bits();
        }
        for part in [series, written, time] {
            self.text.push_str(part);
        }
    }
}

fn import(text: &str, directory: &Path, hours: i64) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"# EOF\n")?;
    // Ends with the thread that waits for it, however this program ends.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", "promtool"]);
    command.args(["tsdb", "create-blocks-from", &format!("--max-block-duration={hours}h"), "openmetrics"]);
    let output = command.arg(file.path()).arg(directory).output()?;
    let wrong = || io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned());
    output.status.success().then_some(()).ok_or_else(wrong)
}
