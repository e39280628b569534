//! Probes of `http` sources.
