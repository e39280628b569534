//! Lines that are added to a file that is there.

/// Inserts lines at the end of a section of the document; a section that is missing is added at its end.
pub(super) fn insert(text: &str, section: &str, lines: &str) -> String {
    if lines.is_empty() {
        return text.to_owned();
    }
    let heading = format!("{section}:");
    let all: Vec<_> = text.lines().collect();
    let Some(start) = all.iter().position(|line| line.trim_end() == heading) else {
        return format!("{}\n\n{heading}\n{lines}", text.trim_end());
    };
    let is_inside = |line: &&str| line.is_empty() || line.starts_with(' ');
    let mut end = start + 1 + all[start + 1..].iter().take_while(|line| is_inside(line)).count();
    while all[end - 1].trim().is_empty() {
        end -= 1;
    }
    let mut text: String = all[..end].iter().map(|line| format!("{line}\n")).collect();
    text.push_str(lines);
    text.extend(all[end..].iter().map(|line| format!("{line}\n")));
    text
}

/// Lines, each moved to the right.
pub(super) fn indented(text: &str, by: usize) -> String {
    let line = |line: &str| match line.is_empty() {
        true => "\n".to_owned(),
        false => format!("{:by$}{line}\n", ""),
    };
    text.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_inserted_at_the_end_of_their_section() {
        let text = "# mine\nqueries:\n  - name: one\n\n  # a comment\n  - name: two\n\nrules:\n  - name: r\n";
        let expected = "# mine\nqueries:\n  - name: one\n\n  # a comment\n  - name: two\n  - name: three\n\nrules:\n  - name: r\n";
        assert_eq!(insert(text, "queries", "  - name: three\n"), expected);
        assert_eq!(insert("a: 1\n", "rules", "  - name: r\n"), "a: 1\n\nrules:\n  - name: r\n");
    }
}
