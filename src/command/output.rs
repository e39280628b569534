//! Standard output.

use std::io::{self, ErrorKind, Write};

/// Writes to standard output. A reader that has read enough, as `head` does, is no error.
///
/// # Errors
/// When it cannot be written, for example because the disk is full.
pub fn print(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(io::Error::new(error.kind(), format!("cannot write to standard output: {error}"))),
        Ok(()) => Ok(()),
    }
}
