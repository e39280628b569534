//! What is rendered for Prometheus and Alertmanager from `bundle/*.yml`.

pub mod rules;
