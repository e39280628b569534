//! Probes of `logfile` sources.
