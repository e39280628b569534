//! The bytes of a file as text.

/// Why the bytes of a file are not text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// As saved by some Windows editors.
    #[error("expected UTF-8, found UTF-16: save the file as UTF-8")]
    Utf16,
    /// For example Latin-1.
    #[error("expected UTF-8, found the byte 0x{byte:02X}: save the file as UTF-8")]
    NotUtf8 {
        /// The line of the byte, from 1.
        line: u64,
        /// Its column in characters, from 1.
        column: u64,
        /// The byte.
        byte: u8,
    },
}

impl EncodingError {
    /// Line and column of the first invalid byte.
    pub fn place(&self) -> (u64, u64) {
        match self {
            Self::Utf16 => (1, 1),
            Self::NotUtf8 { line, column, .. } => (*line, *column),
        }
    }
}

/// The text of a file.
///
/// # Errors
/// When it is not UTF-8.
pub fn text(bytes: Vec<u8>) -> Result<String, EncodingError> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(EncodingError::Utf16);
    }
    String::from_utf8(bytes).map_err(|error| {
        let (good, rest) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
        let good = String::from_utf8_lossy(good);
        let line = good.split('\n').next_back().unwrap_or_default();
        EncodingError::NotUtf8 {
            line: 1 + good.matches('\n').count() as u64,
            column: 1 + line.chars().count() as u64,
            byte: rest.first().copied().unwrap_or_default(),
        }
    })
}
