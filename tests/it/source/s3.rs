//! Probes of `s3` sources.
