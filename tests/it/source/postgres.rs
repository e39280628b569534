//! Probes of `postgres` sources.
