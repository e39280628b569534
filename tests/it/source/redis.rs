//! Probes of `redis` sources.
