//! `catalog`: every metric that may be exported.

use crate::cli::CatalogFormat;
use crate::config::Config;
use crate::manual::MetricCatalogue;

/// The catalogue of the binary, and of the queries of a configuration, in a format.
pub fn catalog(config: Option<&Config>, format: CatalogFormat) -> String {
    let catalogue = MetricCatalogue::new(config);
    match format {
        CatalogFormat::Markdown => catalogue.markdown(),
        CatalogFormat::Json => catalogue.json(),
    }
}
