//! What an expression of a dashboard or rule asks for.

/// Whether an exposition has a series for which an expression asks: a name, and labels, some of them with their values, as
/// in `redis_db_keys{db=db0}`.
pub fn answers(page: &str, asked: &str) -> bool {
    let (name, labels) = asked.split_once('{').unwrap_or((asked, ""));
    let wanted = labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty());
    let wanted: Vec<String> = wanted
        .map(|label| match label.split_once('=') {
            Some((label, value)) => format!("{label}=\"{value}\""),
            None => format!("{label}=\""),
        })
        .collect();
    page.lines().any(|line| {
        let series = line.split_once('{').filter(|(found, _)| *found == name);
        series.is_some_and(|(_, rest)| {
            let has =
                |label: &String| rest.starts_with(label.as_str()) || rest.contains(&format!(",{label}"));
            wanted.iter().all(has)
        })
    })
}
