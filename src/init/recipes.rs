//! All recipes: those in the binary, and those of a directory.

use std::path::Path;

use platform_core::yaml::Faults;

use super::recipe::{Recipe, read};

/// The recipes of these files in `recipes/`.
macro_rules! embedded {
    ($($name:literal,)+) => {
        &[$(($name, include_str!(concat!("../../recipes/", $name, ".yml"))),)+]
    };
}

/// The recipes in the binary.
const EMBEDDED: &[(&str, &str)] = embedded! {
    "accounts", "backlog", "failures", "good_job", "groups", "growth", "migrations", "money", "states",
};

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

/// The recipes in the binary, and those of the files `*.yml` in a directory. One of the same name replaces that in the
/// binary.
///
/// # Errors
/// When the files cannot be read, or have errors.
///
/// # Panics
/// When a recipe in the binary has errors. A test loads every one.
pub fn recipes(directory: Option<&Path>) -> Result<Vec<Recipe>, RecipeError> {
    let mut faults = Faults::default();
    let mut recipes = Vec::new();
    for (name, text) in EMBEDDED {
        faults.begin(format!("recipes/{name}.yml"));
        recipes.extend(read(name, text, &mut faults));
    }
    assert!(faults.is_empty(), "{faults}");
    for (name, path) in directory.map_or_else(|| Ok(Vec::new()), files)? {
        let unreadable = |error| unreadable(&path, error);
        let text = std::fs::read_to_string(&path).map_err(unreadable)?;
        faults.begin(path.display().to_string());
        let recipe = read(&name, &text, &mut faults);
        recipes.retain(|other| other.name != name);
        recipes.extend(recipe);
    }
    if faults.is_empty() { Ok(recipes) } else { Err(RecipeError::Faults(faults)) }
}

fn unreadable(path: &Path, error: std::io::Error) -> RecipeError {
    RecipeError::Unreadable { directory: path.display().to_string(), error }
}

/// The files `*.yml` of a directory with their names, in order.
fn files(directory: &Path) -> Result<Vec<(String, std::path::PathBuf)>, RecipeError> {
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
