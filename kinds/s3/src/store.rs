//! A bucket during a probe: its operations, each with its outcome and its duration.

use std::time::{Duration, Instant};

use platform_core::client::{HttpClient, Method, Request, Response};
use platform_core::deadline::Deadline;
use platform_core::large;
use platform_core::probe::{Problem, Reason};
use rusty_s3::actions::{ListObjectsV2, ListObjectsV2Response};
use rusty_s3::{Bucket, Credentials, S3Action};

use super::operation::Operation;
use super::policy::{Denied, DeniedResource};
use super::refusal::FailedRequest;
use super::sign::VALIDITY;

/// Responses are short: an error, a page of keys, the canary itself.
const LARGEST_BODY: usize = 1 << 20;
/// 1,000 objects with the longest keys there can be, all of it in characters that are encoded.
const LARGEST_PAGE: usize = 4 << 20;

/// How an operation went.
#[derive(Clone, Copy, Debug)]
pub(super) struct OperationOutcome {
    pub(super) operation: Operation,
    pub(super) good: bool,
    pub(super) duration: Duration,
}

/// A bucket during one probe.
pub(super) struct BucketClient<'a> {
    pub(super) client: &'a mut HttpClient,
    pub(super) bucket: &'a Bucket,
    pub(super) credentials: &'a Credentials,
    /// The deadline.
    pub(super) deadline: Deadline,
    pub(super) outcomes: Vec<OperationOutcome>,
}

impl<'a> BucketClient<'a> {
    pub(super) async fn head(&mut self) -> Result<(), Problem> {
        let action = self.bucket.head_bucket(Some(self.credentials));
        self.run(self.denied(Operation::Head, DeniedResource::Bucket), &action, b"").await.map(drop)
    }

    /// Takes back what was recorded of HEAD: a policy that allows to list one prefix denies it.
    pub(super) fn retract_head(&mut self) {
        self.outcomes.retain(|outcome| outcome.operation != Operation::Head);
    }

    /// The keys of the first page.
    pub(super) async fn list(&mut self, prefix: &str, max_keys: usize) -> Result<Vec<String>, Problem> {
        let mut action = self.listing(prefix);
        action.with_max_keys(max_keys);
        let attempt = self.denied(Operation::List, DeniedResource::below(prefix));
        let response = self.run(attempt, &action, b"").await?;
        let page = parsed(&response);
        if page.is_err() {
            self.record(Operation::List, false, Duration::ZERO);
        }
        Ok(page?.contents.into_iter().map(|object| object.key).collect())
    }

    /// A page of objects. It is no check of the bucket, so it is not recorded as one.
    pub(super) async fn page(
        &mut self,
        prefix: &str,
        token: Option<&str>,
    ) -> Result<ListObjectsV2Response, Problem> {
        let mut action = self.listing(prefix);
        if let Some(token) = token {
            action.with_continuation_token(token.to_owned());
        }
        let attempt = self.denied(Operation::List, DeniedResource::below(prefix));
        parsed(&self.exchange(&attempt, &action, b"", LARGEST_PAGE).await?)
    }

    /// What the keys begin with up to their first slash: of as many as are in one page.
    pub(super) async fn folders(&mut self) -> Result<Vec<String>, Problem> {
        let mut action = self.listing("");
        action.with_delimiter("/");
        let attempt = self.denied(Operation::List, DeniedResource::Bucket);
        let page = parsed(&self.exchange(&attempt, &action, b"", LARGEST_PAGE).await?)?;
        Ok(page.common_prefixes.into_iter().map(|common| common.prefix).collect())
    }

    fn listing(&self, prefix: &str) -> ListObjectsV2<'a> {
        let mut action = self.bucket.list_objects_v2(Some(self.credentials));
        if !prefix.is_empty() {
            action.with_prefix(prefix.to_owned());
        }
        action
    }

    /// The created version, if the bucket is versioned.
    pub(super) async fn put(&mut self, key: &str, body: &[u8]) -> Result<Option<String>, Problem> {
        let action = self.bucket.put_object(Some(self.credentials), key);
        let response =
            self.run(self.denied(Operation::Put, DeniedResource::Object(key)), &action, body).await?;
        Ok(response.header("x-amz-version-id").map(str::to_owned))
    }

    /// Reads an object, and compares its content.
    pub(super) async fn get(&mut self, key: &str, expected: &[u8]) -> Result<(), Problem> {
        let action = self.bucket.get_object(Some(self.credentials), key);
        let response =
            self.run(self.denied(Operation::Get, DeniedResource::Object(key)), &action, b"").await?;
        if response.body == expected {
            return Ok(());
        }
        self.record(Operation::Get, false, Duration::ZERO);
        Err(Problem::new(Reason::Protocol, "get: the object differs from what was put"))
    }

    /// Permanently deletes a version, or an object.
    pub(super) async fn delete(&mut self, key: &str, version: Option<&str>) -> Result<(), Problem> {
        let mut action = self.bucket.delete_object(Some(self.credentials), key);
        if let Some(version) = version {
            action.query_mut().insert("versionId", version.to_owned());
        }
        let resource = match version {
            Some(_) => DeniedResource::Version(key),
            None => DeniedResource::Object(key),
        };
        self.run(self.denied(Operation::Delete, resource), &action, b"").await.map(drop)
    }

    fn denied<'k>(&self, operation: Operation, resource: DeniedResource<'k>) -> Denied<'k>
    where
        'a: 'k,
    {
        Denied { operation, region: self.bucket.region(), bucket: self.bucket.name(), resource }
    }

    async fn run<'b, A: S3Action<'b>>(
        &mut self,
        attempt: Denied<'_>,
        action: &A,
        body: &[u8],
    ) -> Result<Response, Problem> {
        let start = Instant::now();
        let result = self.exchange(&attempt, action, body, LARGEST_BODY).await;
        self.record(attempt.operation, result.is_ok(), start.elapsed());
        result
    }

    async fn exchange<'b, A: S3Action<'b>>(
        &mut self,
        attempt: &Denied<'_>,
        action: &A,
        body: &[u8],
        largest: usize,
    ) -> Result<Response, Problem> {
        let what = attempt.operation.as_str();
        let method = Method::from_bytes(A::METHOD.to_str().as_bytes())
            .map_err(|error| Problem::new(Reason::Internal, error))?;
        let request = Request::new(method, action.sign(VALIDITY.unsigned_abs()).as_str());
        let request = request.body(body).largest_body(largest);
        let response = self.client.send(request, self.deadline.left()).await;
        let response = response.map_err(|problem| problem.context(what))?;
        if (200..300).contains(&response.status) {
            return Ok(response);
        }
        let secrets = [self.credentials.secret(), self.credentials.token().unwrap_or_default()];
        let problem =
            FailedRequest { what, region: self.bucket.region(), secrets: &secrets }.refused(&response);
        let is_denied = problem.reason == Reason::Permission;
        Err(problem.fixed_by(is_denied.then(|| attempt.statement(&response)).flatten()))
    }

    /// A repeated operation succeeded if each did, and its duration is the longest one.
    fn record(&mut self, operation: Operation, good: bool, duration: Duration) {
        match self.outcomes.iter_mut().find(|outcome| outcome.operation == operation) {
            Some(outcome) => {
                outcome.good &= good;
                outcome.duration = outcome.duration.max(duration);
            }
            None => self.outcomes.push(OperationOutcome { operation, good, duration }),
        }
    }
}

fn parsed(response: &Response) -> Result<ListObjectsV2Response, Problem> {
    let parse = || ListObjectsV2::parse_response(&String::from_utf8_lossy(&response.body));
    large::in_place(large::of_text(response.body.len()), parse)
        .map_err(|error| Problem::new(Reason::Protocol, format!("list: not the expected XML: {error}")))
}
