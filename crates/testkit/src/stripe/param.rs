//! The parameters of a call, taken one by one so that what is left over is known to be unknown.

use super::error::ApiError;

/// Parameters not yet taken.
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// The parameters of a decoded query.
    pub(crate) fn new(query: Vec<(String, String)>) -> Self {
        Self(query)
    }

    /// The value of `name`; the last one when it is given more than once.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        self.extract(|key| key == name).pop()
    }

    /// The values of an array: `name[]`, or `name[0]`, `name[1]` and so on.
    pub(crate) fn take_list(&mut self, name: &str) -> Vec<String> {
        self.extract(|key| {
            let index = key.strip_prefix(name).and_then(|rest| rest.strip_prefix('[')?.strip_suffix(']'));
            index.is_some_and(|index| index.bytes().all(|digit| digit.is_ascii_digit()))
        })
    }

    /// The value of `name` as an integer.
    pub(crate) fn take_integer(&mut self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.take(name) else { return Ok(None) };
        let number =
            text.parse().map_err(|_| ApiError::bad_integer(name, format!("Invalid integer: {text}")))?;
        Ok(Some(number))
    }

    /// The value of `name` as a boolean.
    pub(crate) fn take_boolean(&mut self, name: &str) -> Result<Option<bool>, ApiError> {
        let Some(text) = self.take(name) else { return Ok(None) };
        let value =
            text.parse().map_err(|_| ApiError::bad_param(name, format!("Invalid boolean: {text}")))?;
        Ok(Some(value))
    }

    /// The page size: 1 to 100.
    pub(crate) fn take_limit(&mut self) -> Result<usize, ApiError> {
        match self.take_integer("limit")?.unwrap_or(10) {
            limit @ 1..=100 => Ok(usize::try_from(limit).expect("at most 100")),
            limit if limit < 1 => {
                Err(ApiError::bad_integer("limit", "This value must be greater than or equal to 1."))
            }
            limit => {
                let message =
                    format!("This value must be less than or equal to 100 (it currently is '{limit}').");
                Err(ApiError::bad_integer("limit", message))
            }
        }
    }

    /// The interval that `created` asks for: one time stamp, or up to four bounds.
    pub(crate) fn take_created(&mut self) -> Result<Interval, ApiError> {
        Ok(Interval {
            exactly: self.take_integer("created")?,
            gt: self.take_integer("created[gt]")?,
            gte: self.take_integer("created[gte]")?,
            lt: self.take_integer("created[lt]")?,
            lte: self.take_integer("created[lte]")?,
        })
    }

    /// Refuses what nobody took.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        self.0.first().map_or(Ok(()), |(name, _)| Err(ApiError::unknown_param(name)))
    }

    fn extract(&mut self, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        self.0.extract_if(.., |(key, _)| wanted(key)).map(|(_, value)| value).collect()
    }
}

/// Bounds of a creation time, in Unix seconds.
pub(crate) struct Interval {
    exactly: Option<i64>,
    gt: Option<i64>,
    gte: Option<i64>,
    lt: Option<i64>,
    lte: Option<i64>,
}

impl Interval {
    /// Whether a time lies within the bounds.
    pub(crate) fn contains(&self, time: i64) -> bool {
        self.exactly.is_none_or(|exactly| time == exactly)
            && self.gt.is_none_or(|bound| time > bound)
            && self.gte.is_none_or(|bound| time >= bound)
            && self.lt.is_none_or(|bound| time < bound)
            && self.lte.is_none_or(|bound| time <= bound)
    }
}
