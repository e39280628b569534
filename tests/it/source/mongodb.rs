//! Probes of `mongodb` sources.
