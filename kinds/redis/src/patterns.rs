//! A bounded look at what kinds of keys there are.

use std::time::{Duration, Instant};

use platform_core::large;
use platform_core::probe::Problem;
use platform_core::query::{Cell, Rows};

use super::key_pattern::{KeyPatterns, PatternKeys};
use super::link::{Words, words};
use super::links::Links;
use super::scan::{Scan, SeenKeys};
use super::value;

/// The type of a pattern whose keys have several.
const MIXED: &str = "mixed";

impl Scan<'_> {
    /// The patterns of the names of keys: columns `pattern`, `type` and `count`. It ends after so many steps, or half of the
    /// time: the rest is for the types.
    pub(super) async fn patterns(self, steps: u32) -> Result<Rows, Problem> {
        let (started, timeout) = (Instant::now(), self.timeout);
        let (mut patterns, mut seen) = (KeyPatterns::default(), SeenKeys::default());
        let mut walk = self.unbounded().await?;
        for _ in 0..steps {
            let Some(page) = walk.next().await? else { break };
            large::in_place(page.keys.len(), || {
                for key in page.keys.iter().filter(|key| seen.is_new(key)) {
                    patterns.add(&String::from_utf8_lossy(key));
                }
            });
            if started.elapsed() > timeout / 2 {
                break;
            }
        }
        let patterns = large::in_place(patterns.len(), || patterns.finish());
        let types = types(walk.scan.links, &patterns, timeout.saturating_sub(started.elapsed())).await?;
        #[expect(clippy::cast_precision_loss, reason = "the number of steps bounds it far below 2^53")]
        let row = |((pattern, keys), key_type): ((String, PatternKeys), Cell)| {
            vec![Cell::Text(pattern), key_type, Cell::Number(keys.count as f64)]
        };
        let rows = patterns.into_iter().zip(types).map(row).collect();
        Ok(Rows::new(["pattern", "type", "count"].map(str::to_owned).to_vec(), rows))
    }
}

/// The type of each pattern; NULL if its keys have expired.
async fn types(
    links: &mut Links,
    patterns: &[(String, PatternKeys)],
    timeout: Duration,
) -> Result<Vec<Cell>, Problem> {
    let examples = patterns.iter().flat_map(|(_, keys)| &keys.examples);
    let commands: Vec<Words> = examples.map(|key| words(["TYPE", key])).collect();
    if commands.is_empty() {
        return Ok(Vec::new());
    }
    let mut replies = links.ask_all(&commands, timeout).await?.into_iter();
    let mut types = Vec::new();
    for (_, keys) in patterns {
        let mut known = Cell::Null;
        for reply in replies.by_ref().take(keys.examples.len()) {
            let answer = reply.map_err(|refusal| refusal.problem("TYPE"))?;
            let own = value::into_text(answer).filter(|own| own != "none");
            known = match (own, &known) {
                (None, _) => known,
                (Some(own), Cell::Null) => Cell::Text(own),
                (Some(own), Cell::Text(other)) if own == *other => known,
                (Some(_), _) => Cell::Text(MIXED.to_owned()),
            };
        }
        types.push(known);
    }
    Ok(types)
}
