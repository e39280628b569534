//! What a source is to a pack.

/// A source is an input of a pack in use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackRole {
    /// The name of the pack.
    pub pack: String,
    /// Its name in the configuration, which differs if it is in use several times.
    pub deployment: String,
    /// The name of the input.
    pub input: String,
}
