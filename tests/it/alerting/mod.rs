//! The rules, their runbooks, Alertmanager's routing and Prometheus' configuration.

mod files;
mod inbox;
mod pages;
mod rules;
