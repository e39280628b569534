//! The commands that are allowed, and the shapes of their answers.

/// How the answer to a command becomes rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReplyShape {
    /// Column `value`: one row for a single answer, or one for each element of a list.
    Values,
    /// Columns `key` and `value`: an answer of alternating keys and values.
    Pairs,
    /// Columns `key` and `value`: one value for each of the command's words from this one on.
    Named(usize),
    /// A map, or a list of maps: one row for each, a column for each key.
    Maps,
    /// A list of lists: one row for each, with these columns. Further elements are left out.
    Table(&'static [&'static str]),
    /// A list: one row, with these columns.
    Row(&'static [&'static str]),
    /// The text of INFO and CLUSTER INFO.
    Info,
    /// The text of CLIENT LIST: one row for each client, a column for each field.
    Clients,
    /// The histograms of LATENCY HISTOGRAM: one row for each command.
    Histograms,
    /// The server's clock: column `value`, in seconds.
    Time,
}

/// Commands without subcommands. None of them writes, blocks, or iterates over all keys. Those that read a whole key
/// keep the server busy in proportion to its size.
pub(super) const COMMANDS: &[(&str, ReplyShape)] = &[
    ("BITCOUNT", ReplyShape::Values),
    ("BITPOS", ReplyShape::Values),
    ("DBSIZE", ReplyShape::Values),
    ("EXISTS", ReplyShape::Values),
    ("EXPIRETIME", ReplyShape::Values),
    ("GEODIST", ReplyShape::Values),
    ("GEOPOS", ReplyShape::Table(&["longitude", "latitude"])),
    ("GET", ReplyShape::Values),
    ("GETBIT", ReplyShape::Values),
    ("GETRANGE", ReplyShape::Values),
    ("HEXISTS", ReplyShape::Values),
    ("HGET", ReplyShape::Values),
    ("HGETALL", ReplyShape::Pairs),
    ("HKEYS", ReplyShape::Values),
    ("HLEN", ReplyShape::Values),
    ("HMGET", ReplyShape::Named(2)),
    ("HSTRLEN", ReplyShape::Values),
    ("HVALS", ReplyShape::Values),
    ("INFO", ReplyShape::Info),
    ("LASTSAVE", ReplyShape::Values),
    ("LINDEX", ReplyShape::Values),
    ("LLEN", ReplyShape::Values),
    ("LPOS", ReplyShape::Values),
    ("LRANGE", ReplyShape::Values),
    ("MGET", ReplyShape::Named(1)),
    ("PEXPIRETIME", ReplyShape::Values),
    ("PING", ReplyShape::Values),
    ("PTTL", ReplyShape::Values),
    ("SCARD", ReplyShape::Values),
    ("SDIFF", ReplyShape::Values),
    ("SINTER", ReplyShape::Values),
    ("SINTERCARD", ReplyShape::Values),
    ("SISMEMBER", ReplyShape::Values),
    ("SMEMBERS", ReplyShape::Values),
    ("SMISMEMBER", ReplyShape::Named(2)),
    ("STRLEN", ReplyShape::Values),
    ("SUNION", ReplyShape::Values),
    ("TIME", ReplyShape::Time),
    ("TTL", ReplyShape::Values),
    ("TYPE", ReplyShape::Values),
    ("XLEN", ReplyShape::Values),
    ("ZCARD", ReplyShape::Values),
    ("ZCOUNT", ReplyShape::Values),
    ("ZLEXCOUNT", ReplyShape::Values),
    ("ZMSCORE", ReplyShape::Named(2)),
    ("ZRANGE", ReplyShape::Values),
    ("ZRANGEBYLEX", ReplyShape::Values),
    ("ZRANGEBYSCORE", ReplyShape::Values),
    ("ZRANK", ReplyShape::Values),
    ("ZREVRANGE", ReplyShape::Values),
    ("ZREVRANGEBYSCORE", ReplyShape::Values),
    ("ZREVRANK", ReplyShape::Values),
    ("ZSCORE", ReplyShape::Values),
];

/// Commands with subcommands; only the read-only ones are listed.
pub(super) const SUBCOMMANDS: &[(&str, &str, ReplyShape)] = &[
    ("CLIENT", "LIST", ReplyShape::Clients),
    ("CLUSTER", "INFO", ReplyShape::Info),
    ("COMMANDLOG", "LEN", ReplyShape::Values),
    ("CONFIG", "GET", ReplyShape::Pairs),
    ("LATENCY", "HISTORY", ReplyShape::Table(&["timestamp", "latency_ms"])),
    ("LATENCY", "LATEST", ReplyShape::Table(&["event", "timestamp", "latency_ms", "max_latency_ms"])),
    ("LATENCY", "HISTOGRAM", ReplyShape::Histograms),
    ("MEMORY", "USAGE", ReplyShape::Values),
    ("OBJECT", "ENCODING", ReplyShape::Values),
    ("OBJECT", "FREQ", ReplyShape::Values),
    ("OBJECT", "IDLETIME", ReplyShape::Values),
    ("OBJECT", "REFCOUNT", ReplyShape::Values),
    ("PUBSUB", "NUMPAT", ReplyShape::Values),
    ("PUBSUB", "NUMSUB", ReplyShape::Pairs),
    // The arguments of slow commands are left out: they are application data.
    ("SLOWLOG", "GET", ReplyShape::Table(&["id", "timestamp", "duration_us"])),
    ("SLOWLOG", "LEN", ReplyShape::Values),
    ("SENTINEL", "MASTERS", ReplyShape::Maps),
    ("XINFO", "CONSUMERS", ReplyShape::Maps),
    ("XINFO", "GROUPS", ReplyShape::Maps),
    ("XINFO", "STREAM", ReplyShape::Maps),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_documented() {
        let readme = include_str!("../README.md");
        let simple = COMMANDS.iter().map(|(name, _)| (*name).to_owned());
        let subcommands = SUBCOMMANDS.iter().map(|(name, subcommand, _)| format!("{name} {subcommand}"));
        for command in simple.chain(subcommands) {
            assert!(readme.contains(&format!("`{command}`")), "{command}");
        }
    }
}
