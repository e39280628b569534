//! The flags of `bundle`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::bundle::SecretStore;

/// The flags of `bundle`.
#[derive(Debug, Args)]
pub struct BundleFlags {
    /// Output directory.
    #[arg(long, value_name = "DIRECTORY")]
    pub out: PathBuf,
    /// Form of the output.
    #[arg(long, value_name = "FORMAT", default_value = "files")]
    pub format: BundleFormat,
    /// With `--format kubernetes`, write dashboards as GrafanaDashboards for the Grafana operator, not as ConfigMaps.
    #[arg(long, requires = "format")]
    pub grafana_operator: bool,
    /// With `--format kubernetes`, write ExternalSecrets that make the Secrets of the exporter from entries of this
    /// SecretStore: `NAME`, or `ClusterSecretStore/NAME`.
    #[arg(long, value_name = "STORE", requires = "format")]
    pub external_secrets: Option<SecretStore>,
    /// Write nothing, and print which files in the directory are missing or different: exit code 1 if there are any.
    #[arg(long)]
    pub check: bool,
}

/// Form of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BundleFormat {
    /// Directories `grafana` and `alerts`, as Grafana and Prometheus read them.
    Files,
    /// Manifests with a kustomization: the exporter, a ServiceMonitor, PrometheusRules, and dashboards as ConfigMaps.
    Kubernetes,
}
