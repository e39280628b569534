//! An answer to a request.

use hyper::header::HeaderMap;
use serde_json::error::Category;

use crate::bounded::TOO_LONG;
use crate::large;
use crate::probe::{Problem, Reason};

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The complete body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of this name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON.
    pub fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, Problem> {
        // serde_json's own message quotes a value of the wrong type, which may be user data.
        let decoded = large::in_place(large::of_text(self.body.len()), || serde_json::from_slice(&self.body));
        decoded.map_err(|error| {
            let what = match error.classify() {
                // The message may quote the answer, but never at its start.
                Category::Data if error.to_string().starts_with(TOO_LONG) => {
                    "JSON with a text that is too long"
                }
                Category::Data => "JSON of an unexpected form",
                Category::Eof => "truncated JSON",
                Category::Syntax | Category::Io => "not JSON",
            };
            let (line, column) = (error.line(), error.column());
            Problem::new(Reason::Protocol, format!("the answer is {what} (line {line}, column {column})"))
        })
    }
}
