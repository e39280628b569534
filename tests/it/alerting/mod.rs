//! The rules, their runbooks, Alertmanager's routing and Prometheus' configuration.

mod community;
mod day;
mod files;
mod hayon;
mod inbox;
mod on_servers;
mod pages;
mod routing;
pub(crate) mod rules;
mod table;
mod templates;
mod watch;
