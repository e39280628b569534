//! What a policy has to allow for an operation that was denied.

use platform_core::client::Response;
use serde::Serialize;

use super::operation::Operation;
use super::xml;

/// An operation that was denied.
pub(super) struct Denied<'a> {
    pub(super) operation: Operation,
    pub(super) region: &'a str,
    pub(super) bucket: &'a str,
    pub(super) resource: DeniedResource<'a>,
}

/// What it was about.
#[derive(Clone, Copy)]
pub(super) enum DeniedResource<'a> {
    Bucket,
    /// The keys that begin so.
    Prefix(&'a str),
    /// The object of this key.
    Object(&'a str),
    /// One version of it.
    Version(&'a str),
}

impl<'a> DeniedResource<'a> {
    /// The keys that begin so, which is the whole bucket without a prefix.
    pub(super) fn below(prefix: &'a str) -> Self {
        match prefix {
            "" => Self::Bucket,
            prefix => Self::Prefix(prefix),
        }
    }
}

/// A statement of a policy.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Allowance<'a> {
    effect: &'static str,
    action: &'a str,
    resource: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Condition<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Condition<'a> {
    string_equals: ListedPrefix<'a>,
}

#[derive(Serialize)]
struct ListedPrefix<'a> {
    #[serde(rename = "s3:prefix")]
    prefix: &'a str,
}

impl Denied<'_> {
    /// The statement that allows it, if the response says that a policy denies it, or cannot say so: one to HEAD has no
    /// body.
    pub(super) fn statement(&self, response: &Response) -> Option<String> {
        let body = String::from_utf8_lossy(&response.body);
        let is_denied = xml::text(&body, "Code").as_deref() == Some("AccessDenied");
        if !is_denied && self.operation != Operation::Head {
            return None;
        }
        self.allowed(&xml::text(&body, "Message").unwrap_or_default())
    }

    /// AWS says what it denies: an object may need more than its own action, such as the key of its encryption. What is
    /// denied explicitly stays so, whatever is allowed.
    fn allowed(&self, message: &str) -> Option<String> {
        if message.contains("explicit deny") {
            return None;
        }
        let word = |after: &str| {
            let word = message.split_once(after)?.1.split_whitespace().next()?;
            Some(word.trim_matches('"')).filter(|word| !word.is_empty())
        };
        let action = word("not authorized to perform: ").unwrap_or(self.action());
        let own = self.arn();
        let resource = match action.strip_prefix("s3:") {
            Some(_) => &own,
            None => word(" on resource: ")?,
        };
        let condition = match self.resource {
            DeniedResource::Prefix(prefix) => Some(Condition { string_equals: ListedPrefix { prefix } }),
            _ => None,
        };
        serde_json::to_string(&Allowance { effect: "Allow", action, resource, condition }).ok()
    }

    fn action(&self) -> &'static str {
        match self.operation {
            Operation::Head | Operation::List => "s3:ListBucket",
            Operation::Put => "s3:PutObject",
            Operation::Get => "s3:GetObject",
            Operation::Delete if matches!(self.resource, DeniedResource::Version(_)) => {
                "s3:DeleteObjectVersion"
            }
            Operation::Delete => "s3:DeleteObject",
        }
    }

    /// The bucket, or all of the canary's folder: each run has another object.
    fn arn(&self) -> String {
        let partition = match self.region {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        let bucket = format!("arn:{partition}:s3:::{}", self.bucket);
        let key = match self.resource {
            DeniedResource::Bucket | DeniedResource::Prefix(_) => None,
            DeniedResource::Object(key) | DeniedResource::Version(key) => Some(key),
        };
        match key.and_then(|key| key.rsplit_once('/')) {
            Some((folder, _)) => format!("{bucket}/{folder}/*"),
            None => bucket,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "health/platform_exporter-s/1-2";

    fn denied(operation: Operation) -> Denied<'static> {
        let resource = match operation {
            Operation::Head | Operation::List => DeniedResource::Bucket,
            Operation::Put | Operation::Get | Operation::Delete => DeniedResource::Object(KEY),
        };
        Denied { operation, region: "eu-west-1", bucket: "b", resource }
    }

    fn statement(action: &str, resource: &str) -> Option<String> {
        Some(format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}"#))
    }

    #[test]
    fn a_statement_allows_what_was_denied() {
        let folder = "arn:aws:s3:::b/health/platform_exporter-s/*";
        for (operation, action, resource) in [
            (Operation::Head, "s3:ListBucket", "arn:aws:s3:::b"),
            (Operation::List, "s3:ListBucket", "arn:aws:s3:::b"),
            (Operation::Put, "s3:PutObject", folder),
            (Operation::Get, "s3:GetObject", folder),
            (Operation::Delete, "s3:DeleteObject", folder),
        ] {
            assert_eq!(denied(operation).allowed("Access Denied"), statement(action, resource));
        }
        let version = Denied { resource: DeniedResource::Version(KEY), ..denied(Operation::Delete) };
        assert_eq!(version.allowed(""), statement("s3:DeleteObjectVersion", folder));
        let elsewhere = Denied { region: "cn-north-1", ..denied(Operation::List) };
        assert_eq!(elsewhere.allowed(""), statement("s3:ListBucket", "arn:aws-cn:s3:::b"));
    }

    #[test]
    fn a_prefix_is_all_that_has_to_be_listable() {
        let list = Denied { resource: DeniedResource::below("backups/"), ..denied(Operation::List) };
        let expected = r#"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::b","Condition":{"StringEquals":{"s3:prefix":"backups/"}}}"#;
        assert_eq!(list.allowed("Access Denied").as_deref(), Some(expected));
        let whole = Denied { resource: DeniedResource::below(""), ..denied(Operation::List) };
        assert_eq!(whole.allowed(""), statement("s3:ListBucket", "arn:aws:s3:::b"));
    }

    #[test]
    fn aws_names_the_action() {
        let key = "arn:aws:kms:eu-west-1:123456789012:key/k";
        let message = |action: &str, resource: &str, why: &str| {
            format!(
                "User: arn:aws:iam::123456789012:user/u is not authorized to perform: {action} on resource: \
                 \"{resource}\" {why}"
            )
        };
        let missing = "because no identity-based policy allows the action";
        let put = denied(Operation::Put);
        assert_eq!(
            put.allowed(&message("kms:GenerateDataKey", key, missing)),
            statement("kms:GenerateDataKey", key)
        );
        assert_eq!(
            put.allowed(&message("s3:PutObject", "arn:aws:s3:::b/health/platform_exporter-s/1-2", missing)),
            statement("s3:PutObject", "arn:aws:s3:::b/health/platform_exporter-s/*")
        );
        let forbidden =
            message("s3:PutObject", "arn:aws:s3:::b/x", "with an explicit deny in a resource-based policy");
        assert_eq!(put.allowed(&forbidden), None);
    }
}
