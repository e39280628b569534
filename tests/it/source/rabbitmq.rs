//! Probes of `rabbitmq` sources.
