//! What fixes a problem, as it is printed.

/// The statement or command, and the server and database to run it on, if they are known.
pub fn remedy(remedy: &str, target: &str) -> String {
    match target {
        "" => format!("to fix it: {remedy}"),
        target => format!("to fix it, on {target}: {remedy}"),
    }
}
