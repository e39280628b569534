//! Probes of `workers` sources.
