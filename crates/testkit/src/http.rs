//! HTTP requests to the servers' own interfaces.

use serde_json::Value;

/// A client that goes straight to local servers, by plain HTTP.
pub fn client() -> reqwest::Client {
    super::install_ring();
    // To read the system's authorities would take 20 ms, and nothing here needs them.
    reqwest::Client::builder().no_proxy().tls_certs_only([]).build().expect("a provider is installed")
}

/// Whether a GET is answered with success.
pub async fn answers(url: &str) -> bool {
    client().get(url).send().await.is_ok_and(|response| response.status().is_success())
}

/// Sends a request, and gives the JSON of its answer, or null when that is empty; panics on a failure.
pub async fn json(request: reqwest::RequestBuilder) -> Value {
    serde_json::from_str(&text(request).await).unwrap_or_default()
}

/// Sends a request, and gives its whole answer; panics on a failure.
pub async fn text(request: reqwest::RequestBuilder) -> String {
    let response = request.send().await.expect("the server answers");
    let (url, status) = (response.url().clone(), response.status());
    let body = response.text().await.expect("the server answers in full");
    assert!(status.is_success(), "{url}: {status}: {body}");
    body
}
