//! Refusals, in the words and shapes of the two API namespaces.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::account::{Account, Refusal};
use super::key::{ApiKey, Permission, mask};

/// The two namespaces of the API, which shape their errors differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Namespace {
    /// `/v1`.
    V1,
    /// `/v2`.
    V2,
}

/// An error answer.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<u64>,
    kind: &'static str,
    code: Option<&'static str>,
    param: Option<String>,
    message: String,
}

impl ApiError {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            retry_after: None,
            kind: "invalid_request_error",
            code: None,
            param: None,
            message: message.into(),
        }
    }

    /// 400: a parameter is wrong.
    pub(crate) fn bad_param(param: &str, message: impl Into<String>) -> Self {
        Self { param: Some(param.to_owned()), ..Self::new(StatusCode::BAD_REQUEST, message) }
    }

    /// 400: a parameter that the endpoint does not have.
    pub(crate) fn unknown_param(param: &str) -> Self {
        let error = Self::bad_param(param, format!("Received unknown parameter: {param}"));
        Self { code: Some("parameter_unknown"), ..error }
    }

    /// 400: not an integer, or out of range.
    pub(crate) fn bad_integer(param: &str, message: impl Into<String>) -> Self {
        Self { code: Some("parameter_invalid_integer"), ..Self::bad_param(param, message) }
    }

    /// 400 when a parameter names an object that is not there, 404 when the path does.
    pub(crate) fn missing(noun: &str, id: &str, param: &str) -> Self {
        let status = if param == "id" { StatusCode::NOT_FOUND } else { StatusCode::BAD_REQUEST };
        let error = Self::new(status, format!("No such {noun}: '{id}'"));
        Self { code: Some("resource_missing"), param: Some(param.to_owned()), ..error }
    }

    /// 404: no such path, or not by this method.
    pub(crate) fn unknown_url(method: &str, path: &str) -> Self {
        let advice = "Please see https://stripe.com/docs or we can help at https://support.stripe.com/.";
        let message = format!("Unrecognized request URL ({method}: {path}). {advice}");
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 400: a `Stripe-Version` that is none.
    pub(crate) fn bad_version(version: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, format!("Invalid Stripe API version: {version}"))
    }

    /// 400: the v2 namespace has no default version.
    pub(crate) fn no_version() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "A Stripe-Version header is required for requests to the v2 namespace.",
        )
    }

    /// 401: no key.
    pub(crate) fn no_key() -> Self {
        let message = "You did not provide an API key. You need to provide your API key in the Authorization header, \
                       using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See \
                       https://stripe.com/docs/api#authentication for details, or we can help at \
                       https://support.stripe.com/.";
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// 401: a key that is not, or no longer, the account's.
    pub(crate) fn unknown_key(presented: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, format!("Invalid API Key provided: {}", mask(presented)))
    }

    /// 403: a restricted key that lacks a permission.
    pub(crate) fn forbidden(key: &ApiKey, lacking: Permission) -> Self {
        let message = format!(
            "The provided key '{}' does not have the required permissions for this endpoint on account '{}'. Having \
             the '{}' permission would allow this request to continue.",
            key.masked(),
            Account::ID,
            lacking.slug(),
        );
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// 429 or 500, as the account is set to answer.
    pub(crate) fn refused(refusal: Refusal, livemode: bool) -> Self {
        match refusal {
            Refusal::RateLimited(retry_after) => {
                let what = if livemode {
                    "Request rate limit exceeded."
                } else {
                    "Testmode request rate limit exceeded, the rate limits in testmode are lower than livemode."
                };
                let learn = "You can learn more about rate limits here https://stripe.com/docs/rate-limits.";
                let error = Self::new(StatusCode::TOO_MANY_REQUESTS, format!("{what} {learn}"));
                Self { code: Some("rate_limit"), retry_after, ..error }
            }
            Refusal::ServerError => {
                let message = "An unknown error occurred; this request cannot be served at the moment.";
                Self { kind: "api_error", ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, message) }
            }
        }
    }

    /// The body; Stripe leaves out what has no value.
    pub(crate) fn body(&self, namespace: Namespace) -> Value {
        let mut error = json!({"message": self.message, "type": self.kind});
        match namespace {
            Namespace::V1 => {
                if let Some(code) = self.code {
                    error["code"] = code.into();
                    let page = code.replace('_', "-");
                    error["doc_url"] = format!("https://stripe.com/docs/error-codes/{page}").into();
                }
                if let Some(param) = &self.param {
                    error["param"] = param.as_str().into();
                }
            }
            Namespace::V2 => {
                let code = self.v2_code();
                error["code"] = code.into();
                if code == "rate_limit" {
                    error["type"] = code.into();
                }
            }
        }
        json!({"error": error})
    }

    /// Unlike v1, a v2 error always has a code.
    fn v2_code(&self) -> &'static str {
        match self.status {
            StatusCode::UNAUTHORIZED => "unauthenticated",
            StatusCode::FORBIDDEN => "forbidden",
            StatusCode::NOT_FOUND => "not_found",
            StatusCode::TOO_MANY_REQUESTS => "rate_limit",
            StatusCode::INTERNAL_SERVER_ERROR => "internal_error",
            _ => "invalid_request",
        }
    }
}
