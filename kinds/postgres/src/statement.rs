//! Whether a text can be a single SELECT, as far as that is known without a server. The server has the final say; what is
//! rejected here would be rejected there, with a less helpful message.

/// The first words of a statement that only returns rows.
const FIRST_WORDS: [&str; 4] = ["SELECT", "WITH", "TABLE", "VALUES"];

/// Checks that a text may be a single SELECT.
///
/// # Errors
/// What is expected instead.
pub(super) fn check(text: &str) -> Result<(), &'static str> {
    let mut tokens = Tokens(text);
    let first = tokens.by_ref().find(|token| *token != Token::Open);
    match first {
        None => return Err("expected a SELECT"),
        Some(Token::Word(word)) if FIRST_WORDS.iter().any(|known| word.eq_ignore_ascii_case(known)) => {}
        Some(_) => return Err("expected one SELECT (or WITH, VALUES, TABLE): nothing else is run"),
    }
    let after_end = tokens.skip_while(|token| *token != Token::End).find(|token| *token != Token::End);
    match after_end {
        None => Ok(()),
        Some(_) => Err("expected one SELECT, found a second statement after `;`"),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    /// A name or keyword.
    Word(&'a str),
    /// `(`
    Open,
    /// `;`
    End,
    /// Anything else: a constant, a number, an operator.
    Other,
}

/// The tokens of a text, without comments and white space.
struct Tokens<'a>(&'a str);

impl<'a> Tokens<'a> {
    /// Consumes the first bytes.
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.0.split_at(bytes);
        self.0 = rest;
        taken
    }

    /// Consumes everything up to and including `end`, or to the end of the text.
    fn take_past(&mut self, from: usize, end: &str) {
        let length = self.0[from..].find(end).map_or(self.0.len(), |found| from + found + end.len());
        self.take(length);
    }

    fn skip_blanks(&mut self) {
        loop {
            self.0 = self.0.trim_start();
            if self.0.starts_with("--") {
                self.take_past(2, "\n");
            } else if self.0.starts_with("/*") {
                self.skip_comment();
            } else {
                return;
            }
        }
    }

    /// Comments may be nested.
    fn skip_comment(&mut self) {
        let mut depth = 0_usize;
        loop {
            match (self.0.find("/*"), self.0.find("*/")) {
                (Some(open), Some(close)) if open < close => {
                    self.take(open + 2);
                    depth += 1;
                }
                (_, Some(close)) => {
                    self.take(close + 2);
                    depth -= 1;
                    if depth == 0 {
                        return;
                    }
                }
                _ => {
                    self.0 = "";
                    return;
                }
            }
        }
    }

    /// A quoted text. A doubled quote is treated as the end of one text and the start of another.
    fn skip_quoted(&mut self, quote: char, has_escapes: bool) {
        let mut is_escaped = false;
        let end = self.0.char_indices().skip(1).find(|(_, character)| {
            let ends = *character == quote && !is_escaped;
            is_escaped = has_escapes && *character == '\\' && !is_escaped;
            ends
        });
        self.take(end.map_or(self.0.len(), |(at, _)| at + quote.len_utf8()));
    }

    /// `$tag$`, if the text begins with one.
    fn dollar_tag(&self) -> Option<&'a str> {
        let name = self.0.strip_prefix('$')?;
        let end = name.find('$')?;
        let is_tag =
            name[..end].chars().all(is_in_name) && !name.starts_with(|first: char| first.is_ascii_digit());
        is_tag.then(|| &self.0[..end + 2])
    }
}

fn is_in_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || !character.is_ascii()
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blanks();
        let first = self.0.chars().next()?;
        Some(match first {
            '\'' | '"' => {
                self.skip_quoted(first, false);
                Token::Other
            }
            '$' => {
                match self.dollar_tag() {
                    Some(tag) => self.take_past(tag.len(), tag),
                    None => drop(self.take(1)),
                }
                Token::Other
            }
            first if is_in_name(first) => {
                let is_outside = |character: char| !is_in_name(character) && character != '$';
                let word = self.take(self.0.find(is_outside).unwrap_or(self.0.len()));
                if word.eq_ignore_ascii_case("e") && self.0.starts_with('\'') {
                    self.skip_quoted('\'', true);
                }
                Token::Word(word)
            }
            other => {
                self.take(other.len_utf8());
                match other {
                    '(' => Token::Open,
                    ';' => Token::End,
                    _ => Token::Other,
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_may_be_one_select_is_taken() {
        for text in [
            "SELECT 1",
            "select 1;",
            "SELECT 1; -- the end\n ; /* and /* no */ more; */",
            "-- first\n/* a; /* b */ */ (SELECT 1) UNION (SELECT 2)",
            "WITH n AS (SELECT 1) SELECT * FROM n",
            "TABLE users",
            "VALUES (1), (2)",
            "((SELECT 1))",
            "SELECT ';' || 'it''s; fine' || \";\" || $$;$$ || $a$ ; $$ ; $a$ || E'\\'; DELETE'",
            "SELECT a$b$ FROM t WHERE c$b$ = $1",
            "SELECT 'not closed; DELETE FROM users",
            "SELECT $x$ not closed; DELETE",
            "SELECT 1 /* not closed; DELETE",
            "SELECT U&'d\\0061t\\+000061; '",
            "SELECT näme FROM t",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_one_select_is_refused() {
        for text in [
            "",
            " -- nothing",
            ";",
            "DELETE FROM users",
            "/* SELECT */ UPDATE t SET a = 1",
            "'SELECT'",
            "SELECTION",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
        for text in [
            "SELECT 1; SELECT 2",
            "SELECT 'it''s'; DELETE FROM users",
            "SELECT '\\'; DELETE FROM users --'",
            "SELECT $$a$$; DROP TABLE users",
            "SELECT 1;;\nx",
        ] {
            assert_eq!(check(text), Err("expected one SELECT, found a second statement after `;`"), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in "[-a-zA-Z0-9_$'\"/*;\\\\ é\n(]{0,60}") {
            let _ = check(&text);
        }
    }
}
