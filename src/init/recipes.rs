//! All recipes: those in the binary, and those of a directory.

use std::path::{Path, PathBuf};

use platform_core::kind::RecipeFile;
use platform_core::yaml::Faults;

use super::recipe::{Recipe, read};
use crate::registry::Kind;

/// Why the recipes of a directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// They cannot be read.
    #[error("cannot read the recipes in {directory}: {error}")]
    Unreadable {
        /// The directory.
        directory: String,
        /// The system's error.
        error: std::io::Error,
    },
    /// They have errors.
    #[error("{0}")]
    Faults(Faults),
}

/// The recipes in the binary, and those of the files `*.yml` in a directory. One of the same name and kind replaces that
/// in the binary.
///
/// # Errors
/// When the files cannot be read, or have errors.
///
/// # Panics
/// When a recipe in the binary has errors. A test loads every one.
pub fn recipes(directory: Option<&Path>) -> Result<Vec<Recipe>, RecipeError> {
    let mut faults = Faults::default();
    let mut recipes = Vec::new();
    for facts in Kind::ALL.iter().map(|kind| kind.facts()) {
        for RecipeFile { name, text } in facts.recipes {
            faults.begin(format!("kinds/{}/recipes/{name}.yml", facts.name));
            recipes.extend(read(name, text, &mut faults));
        }
    }
    assert!(faults.is_empty(), "{faults}");
    for (name, path) in directory.map_or_else(|| Ok(Vec::new()), files)? {
        let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
        faults.begin(path.display().to_string());
        let Some(own) = read(&name, &text, &mut faults) else { continue };
        recipes.retain(|other| (&other.name, other.head.kind) != (&own.name, own.head.kind));
        recipes.push(own);
    }
    if faults.is_empty() { Ok(recipes) } else { Err(RecipeError::Faults(faults)) }
}

fn unreadable(path: &Path, error: std::io::Error) -> RecipeError {
    RecipeError::Unreadable { directory: path.display().to_string(), error }
}

/// The files `*.yml` of a directory with their names, in order.
fn files(directory: &Path) -> Result<Vec<(String, PathBuf)>, RecipeError> {
    let entries = std::fs::read_dir(directory).map_err(|error| unreadable(directory, error))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(directory, error))?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).map(str::to_owned);
        if path.extension().is_some_and(|extension| extension == "yml") {
            files.extend(name.map(|name| (name, path)));
        }
    }
    files.sort();
    Ok(files)
}
