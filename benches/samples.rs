//! Counts the samples of an exposition, and among them the values: those that are not about the exporter itself.

/// How many samples an exposition has.
pub(crate) fn all(exposition: &str) -> usize {
    exposition.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count()
}

/// How many of them are about a service, not about the exporter's own process.
pub(crate) fn values(exposition: &str) -> usize {
    of_service(exposition).count()
}

/// The lines of those values.
pub(crate) fn of_service(exposition: &str) -> impl Iterator<Item = &str> {
    let own = ["go_", "process_", "promhttp_", "platform_", "redis_exporter_", "postgres_exporter_"];
    let is_value = move |line: &&str| {
        !line.is_empty() && !line.starts_with('#') && !own.iter().any(|own| line.starts_with(own))
    };
    exposition.lines().filter(is_value)
}
