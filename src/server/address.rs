//! Where clients find the exporter: the URL from outside, the prefix of all paths, and Grafana beside it.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;
use hyper::http::uri::PathAndQuery;
use url::Url;

/// The URL of a web application, below which its paths are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(Url);

impl FromStr for BaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse =
            |why: &str| format!("expected a URL such as https://metrics.example.com/exporter: {why}");
        let url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refuse("it has to start with http:// or https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("it may not contain credentials"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("it may not contain `?` or `#`"));
        }
        Ok(Self(url))
    }
}

impl fmt::Display for BaseUrl {
    /// Without a slash at the end.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// What the paths of all routes start with: nothing, or `/exporter`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoutePrefix(String);

impl FromStr for RoutePrefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = text.trim_matches('/');
        if path.is_empty() {
            return Ok(Self::default());
        }
        let prefix = format!("/{path}");
        let is_path = prefix.parse::<PathAndQuery>().is_ok_and(|parsed| parsed.path() == prefix);
        if is_path { Ok(Self(prefix)) } else { Err("expected a path such as /exporter".to_owned()) }
    }
}

impl From<&BaseUrl> for RoutePrefix {
    fn from(url: &BaseUrl) -> Self {
        Self(url.0.path().trim_end_matches('/').to_owned())
    }
}

impl fmt::Display for RoutePrefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The route that a path of a request leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// One of the routes: the URI is now that without the prefix.
    Within,
    /// The exporter without a path.
    Doorstep,
    /// A path that does not start with the prefix.
    Outside,
}

/// Where clients find the exporter.
#[derive(Clone, Debug, Default)]
pub struct PublicAddress {
    /// What the paths of all routes start with.
    pub prefix: RoutePrefix,
    /// The URL under which the exporter is reachable from outside.
    pub external: Option<BaseUrl>,
    /// Grafana, with the dashboards of the bundle.
    pub grafana: Option<BaseUrl>,
}

impl PublicAddress {
    /// The path of the status page from outside, with a slash at the end. Without a prefix it is empty: links are then
    /// relative.
    pub(super) fn home(&self) -> String {
        let prefix = self.external.as_ref().map_or_else(|| self.prefix.clone(), RoutePrefix::from);
        if prefix.0.is_empty() { String::new() } else { format!("{prefix}/") }
    }

    /// Takes the prefix off a URI. Whatever looks at the path afterwards needs not know the prefix.
    pub(super) fn enter(&self, uri: &mut Uri) -> Arrival {
        let prefix = self.prefix.0.as_str();
        if prefix.is_empty() {
            return Arrival::Within;
        }
        let whole = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        if ["", "/"].contains(&uri.path()) || uri.path() == prefix {
            return Arrival::Doorstep;
        }
        let rest = whole.strip_prefix(prefix).filter(|rest| rest.starts_with('/'));
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = rest.and_then(|rest| rest.parse().ok());
        match parts.path_and_query.is_some().then(|| Uri::from_parts(parts)) {
            Some(Ok(within)) => {
                *uri = within;
                Arrival::Within
            }
            _ => Arrival::Outside,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_checked_and_has_no_slash_at_its_end() {
        let parsed = |text: &str| text.parse::<BaseUrl>().map(|url| url.to_string());
        assert_eq!(parsed("https://example.com/exporter/"), Ok("https://example.com/exporter".to_owned()));
        assert_eq!(parsed("http://[::1]:9884"), Ok("http://[::1]:9884".to_owned()));
        for (text, why) in [
            ("example.com/exporter", "relative URL without a base"),
            ("ftp://example.com", "http:// or https://"),
            ("https://user:secret@example.com", "credentials"),
            ("https://example.com/?a=b", "`?`"),
            ("https://", "empty host"),
        ] {
            let error = parsed(text).expect_err(text);
            assert!(error.contains(why) && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_prefix_has_a_slash_at_its_start_only() {
        let parsed = |text: &str| text.parse::<RoutePrefix>().map(|prefix| prefix.to_string());
        for (text, prefix) in [("/", ""), ("", ""), ("a/b/", "/a/b"), ("/exporter", "/exporter")] {
            assert_eq!(parsed(text), Ok(prefix.to_owned()));
        }
        assert!(parsed("/a?b").is_err() && parsed("/a b").is_err());
        let url: BaseUrl = "https://example.com/exporter/".parse().expect("a URL");
        assert_eq!(RoutePrefix::from(&url).to_string(), "/exporter");
    }

    #[test]
    fn the_prefix_is_taken_off_the_path() {
        let address =
            PublicAddress { prefix: "/exporter".parse().expect("a prefix"), ..PublicAddress::default() };
        for (from, arrival, to) in [
            ("/exporter/probe?source=a", Arrival::Within, "/probe?source=a"),
            ("/exporter/", Arrival::Within, "/"),
            ("/exporter", Arrival::Doorstep, "/exporter"),
            ("/", Arrival::Doorstep, "/"),
            ("/exporters/", Arrival::Outside, "/exporters/"),
            ("/metrics", Arrival::Outside, "/metrics"),
        ] {
            let mut uri: Uri = from.parse().expect("a URI");
            assert_eq!((address.enter(&mut uri), uri.to_string().as_str()), (arrival, to));
        }
        assert_eq!(address.home(), "/exporter/");
        assert_eq!(PublicAddress::default().home(), "");
    }
}
