//! The base of all kinds of source and of the program: metrics, settings, YAML with error positions, queries,
//! connections, and the interface of a kind. Knows no specific kind.

pub mod allowance;
pub mod bounded;
pub mod built_in;
pub mod client;
pub mod collectors;
pub mod deadline;
pub mod descriptors;
pub mod dial;
pub mod failure_reason;
pub mod heartbeat;
pub mod kind;
pub mod large;
pub mod metric;
pub mod off_thread;
pub mod printable;
pub mod probe;
pub mod query;
pub mod schema;
pub mod setting;
pub mod state_file;
pub mod supervisor;
pub mod survey;
pub mod time;
pub mod tls;
pub mod url_parameters;
pub mod yaml;
