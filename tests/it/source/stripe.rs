//! Probes of `stripe` sources.
