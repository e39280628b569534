//! What is outside of a configuration's text: variables, and the files of packs.

use std::io;

/// What a configuration may refer to.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// What `${NAME}` stands for.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The text of a pack's file, named as in the configuration.
    pub file: &'a dyn Fn(&str) -> io::Result<String>,
}
