//! The operations on a bucket.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Head,
    List,
    Put,
    Get,
    Delete,
}

impl Operation {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::List => "list",
            Self::Put => "put",
            Self::Get => "get",
            Self::Delete => "delete",
        }
    }
}
