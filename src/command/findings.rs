//! The errors that `check` has found, for programs and for services that show them beside the code.

use platform_core::yaml::{Fault, Faults};
use serde_json::{Value, json};

use super::LoadError;
use super::config_files::ConfigFilesError;
use crate::cli::FindingsFormat;
use crate::config::Config;
use crate::server::WebError;

/// One error, or one note.
#[derive(Default)]
struct Finding {
    is_note: bool,
    file: Option<String>,
    /// Line and column.
    place: Option<(u64, u64)>,
    path: String,
    message: String,
    hint: Option<String>,
}

/// Everything that is wrong, or what may not be meant, in a format for programs.
pub fn findings(loaded: Result<&Config, &LoadError>, format: FindingsFormat) -> String {
    let found = match loaded {
        Ok(config) => of_notes(config),
        Err(error) => of_error(error),
    };
    match format {
        FindingsFormat::Json => format!("{:#}\n", found.iter().map(as_json).collect::<Value>()),
        FindingsFormat::Github => found.iter().map(as_annotation).collect(),
        FindingsFormat::Sarif => format!("{:#}\n", as_sarif(&found)),
    }
}

fn of_error(error: &LoadError) -> Vec<Finding> {
    match error {
        LoadError::Faults(faults) => of_faults(faults),
        LoadError::Web(error) => of_web(error),
        LoadError::Both(error, of_gate) => of_error(error).into_iter().chain(of_web(of_gate)).collect(),
        LoadError::Files(ConfigFilesError::NoText(faults)) => of_faults(faults),
        LoadError::Environment(errors) => {
            let finding = |message: &String| Finding { message: message.clone(), ..Finding::default() };
            errors.messages().iter().map(finding).collect()
        }
        LoadError::Files(ConfigFilesError::Unreadable { path, error }) => {
            let message = format!("cannot read it: {error}");
            vec![Finding { file: Some(path.display().to_string()), message, ..Finding::default() }]
        }
        LoadError::Files(ConfigFilesError::NoFiles(_))
        | LoadError::NoSources { .. }
        | LoadError::OffThread(_) => {
            vec![Finding { message: error.to_string(), ..Finding::default() }]
        }
    }
}

fn of_web(error: &WebError) -> Vec<Finding> {
    match error {
        WebError::Faults(faults) => of_faults(faults),
        error => vec![Finding { message: error.to_string(), ..Finding::default() }],
    }
}

fn of_faults(faults: &Faults) -> Vec<Finding> {
    faults.located().map(Finding::of).collect()
}

fn of_notes(config: &Config) -> Vec<Finding> {
    let note = |note| Finding { is_note: true, ..Finding::of(note) };
    config.files().notes().map(note).collect()
}

impl Finding {
    fn of((file, fault): (&str, &Fault)) -> Self {
        Self {
            is_note: false,
            file: Some(file.to_owned()),
            place: Some((fault.place.line, fault.place.column)),
            path: fault.path.to_string(),
            message: fault.message.clone(),
            hint: fault.hint.clone(),
        }
    }

    /// As SARIF has it.
    fn level(&self) -> &'static str {
        if self.is_note { "note" } else { "error" }
    }

    /// The message with the node and the hint.
    fn text(&self) -> String {
        let path = if self.path.is_empty() { String::new() } else { format!("{}: ", self.path) };
        let hint = self.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{path}{}{hint}", self.message)
    }
}

fn as_json(finding: &Finding) -> Value {
    let Finding { file, place, path, message, hint, .. } = finding;
    let (line, column) = place.unzip();
    json!({
        "level": finding.level(), "file": file, "line": line, "column": column, "path": path, "message": message,
        "hint": hint,
    })
}

/// A command of GitHub Actions.
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#setting-an-error-message>
fn as_annotation(finding: &Finding) -> String {
    let escaped = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| escaped(text).replace(':', "%3A").replace(',', "%2C");
    let mut properties = vec!["title=platform_exporter".to_owned()];
    properties.extend(finding.file.as_ref().map(|file| format!("file={}", property(file))));
    properties.extend(finding.place.map(|(line, column)| format!("line={line},col={column}")));
    let command = if finding.is_note { "notice" } else { "error" };
    format!("::{command} {}::{}\n", properties.join(","), escaped(&finding.text()))
}

/// <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>
fn as_sarif(found: &[Finding]) -> Value {
    let result = |finding: &Finding| {
        let region = finding.place.map(|(line, column)| json!({"startLine": line, "startColumn": column}));
        let location = finding.file.as_ref().map(|file| match &region {
            Some(region) => {
                json!({"physicalLocation": {"artifactLocation": {"uri": file}, "region": region}})
            }
            None => json!({"physicalLocation": {"artifactLocation": {"uri": file}}}),
        });
        json!({
            "ruleId": "configuration",
            "level": finding.level(),
            "message": {"text": finding.text()},
            "locations": location.into_iter().collect::<Vec<_>>(),
        })
    };
    let driver = json!({
        "name": "platform_exporter",
        "version": env!("CARGO_PKG_VERSION"),
        "informationUri": env!("CARGO_PKG_REPOSITORY"),
        "rules": [{"id": "configuration", "shortDescription": {"text": "An error in a configuration, pack, dashboard or rule."}}],
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": found.iter().map(result).collect::<Vec<_>>()}],
    })
}
