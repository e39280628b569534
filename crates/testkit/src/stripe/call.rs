//! The log of what was asked.

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;

/// One call as it came in, without its key.
#[derive(Clone, Debug)]
pub struct Call {
    /// GET, POST …
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query's parameters, decoded, in their order.
    pub query: Vec<(String, String)>,
    headers: HeaderMap,
}

impl Call {
    /// The log entry of a request.
    pub(crate) fn new(head: &Parts) -> Self {
        let query = head.uri.query().unwrap_or_default();
        let mut headers = head.headers.clone();
        headers.remove(AUTHORIZATION);
        Self {
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            headers,
        }
    }

    /// The value of a parameter, `created[gte]` for example.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of a header, `Stripe-Account` for example; never of `Authorization`.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
