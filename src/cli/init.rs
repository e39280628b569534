//! The flags of `init`.

use std::path::PathBuf;

use clap::Args;

/// The flags of `init`.
#[derive(Debug, Args)]
pub struct InitFlags {
    /// Where to look for .env, Compose and Kubernetes files. The environment is read as well.
    #[arg(long, value_name = "DIRECTORY", default_value = ".")]
    pub directory: PathBuf,
    /// Where to write platform.yml and the directory `packs`. [default: that of --directory]
    #[arg(long, value_name = "DIRECTORY")]
    pub out: Option<PathBuf>,
    /// Name of the platform: of the pack, and what the names of its metrics begin with. [default: the name of the
    /// directory]
    #[arg(long)]
    pub name: Option<String>,
    /// Leave out what this names: a recipe (`growth`), a table (`orders`) or both (`growth(orders)`). Repeatable.
    #[arg(long, value_name = "PROPOSAL", value_delimiter = ',')]
    pub without: Vec<String>,
    /// Directory with recipes of your own. One of the same name replaces a built-in one.
    #[arg(long, value_name = "DIRECTORY")]
    pub recipes: Option<PathBuf>,
    /// Also write the values of the variables that the configuration needs to this file, which only its owner can read:
    /// those that were found in files. Without it, values are written nowhere.
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub env_file: Option<PathBuf>,
    /// Write everything without asking what to leave out.
    #[arg(long, short)]
    pub yes: bool,
    /// Write nothing: only print what would be proposed.
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
}
