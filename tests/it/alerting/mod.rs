//! The rules, their runbooks, Alertmanager's routing and Prometheus' configuration.

mod community;
mod files;
mod hayon;
mod inbox;
mod pages;
mod routing;
mod rules;
mod watch;
