//! The rules, their runbooks, Alertmanager's routing and Prometheus' configuration.

mod community;
mod day;
pub(crate) mod drill;
pub(crate) mod files;
mod hayon;
mod inbox;
pub(crate) mod on_servers;
mod pages;
mod pairs;
mod replay;
mod routing;
pub(crate) mod rules;
mod table;
mod templates;
mod vmalert;
mod watch;
