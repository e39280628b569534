//! A broker and its node, by `rabbitmqctl`, by the kernel, and by how the test has set it up.

use procfs::process::{LimitValue, Process};
use serde_json::Value;
use testkit::disk::Disk;
use testkit::rabbitmq::Rabbitmq;
use testkit::recount::{Series, series};

use super::ledger::number;
use super::plugin::Plugin;

/// What the test has set, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) memory: f64,
    pub(super) free_disk: f64,
}

/// The broker's own account.
const ACCOUNT: &str = "#{exchanges => length(rabbit_exchange:list()),
    connections => length(rabbit_networking:connections()),
    channels => length(rabbit_channel:list()),
    alarms => length(rabbit_alarm:get_alarms()),
    version => list_to_binary(rabbit_misc:version()),
    cluster => rabbit_nodes:cluster_name(),
    product => list_to_binary(rabbit:product_name()),
    product_version => list_to_binary(rabbit:product_version()),
    release => list_to_binary(erlang:system_info(otp_release)),
    root => list_to_binary(code:root_dir()),
    pid => list_to_integer(os:getpid()),
    directory => list_to_binary(rabbit_mnesia:dir())}";

/// A broker at a moment.
pub(super) struct Node {
    name: String,
    consumers: f64,
    account: Value,
    plugin: Plugin,
    overview: Value,
    limits: Limits,
    memory: f64,
    files: f64,
    most_files: f64,
    free_disk: f64,
}

impl Node {
    /// The broker's own list has no consumers of streams, so the test says how many there are.
    pub(super) async fn of(broker: &Rabbitmq, limits: Limits, consumers: f64) -> Self {
        let account = broker.eval(ACCOUNT).await;
        let pid = account["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
        let process = Process::new(pid.expect("a process")).expect("the broker runs");
        let memory = process.status().expect("it runs").vmrss.expect("it has memory") * 1024;
        let LimitValue::Value(most_files) = process.limits().expect("it runs").max_open_files.soft_limit
        else {
            panic!("files are limited")
        };
        Self {
            name: broker.node(),
            consumers,
            limits,
            memory: memory as f64,
            files: process.fd_count().expect("it runs") as f64,
            most_files: most_files as f64,
            free_disk: Disk::of(account["directory"].as_str().expect("a path")).available,
            account,
            plugin: Plugin::of(broker).await,
            overview: broker.get("/api/overview").await,
        }
    }

    /// Whether the management API, which measures every few seconds, has seen all of it.
    pub(super) async fn is_reported(&self, broker: &Rabbitmq) -> bool {
        let overview = broker.get("/api/overview").await;
        let node = broker.get(&format!("/api/nodes/{}", self.name)).await;
        let is_near = |field: &str, value: f64| {
            node[field].as_f64().is_some_and(|reported| (reported - value).abs() <= 0.1 * value)
        };
        let totals = &overview["object_totals"];
        ["exchanges", "connections", "channels"].iter().all(|field| totals[field] == self.account[*field])
            && totals["consumers"] == self.consumers
            && self.plugin.is_reported(&node, &overview)
            && is_near("mem_used", self.memory)
            && is_near("fd_used", self.files)
            && is_near("mem_limit", self.limits.memory)
            && is_near("disk_free_limit", self.limits.free_disk)
            && self.account["alarms"] == u8::from(self.lacks_memory()) + u8::from(self.lacks_disk())
    }

    fn lacks_memory(&self) -> bool {
        self.memory > self.limits.memory
    }

    fn lacks_disk(&self) -> bool {
        self.free_disk < self.limits.free_disk
    }

    pub(super) fn series(&self) -> Series {
        let account = |field: &str| number(&self.account[field]);
        let text = |field: &str| self.account[field].as_str().expect("a text");
        let release = format!("{}/releases/{}/OTP_VERSION", text("root"), text("release"));
        let erlang = std::fs::read_to_string(release).expect("Erlang's version is a file");
        let of_node = [
            ("rabbitmq_running", 1.0),
            ("rabbitmq_partitions", 0.0),
            ("rabbitmq_process_resident_memory_bytes", self.memory),
            ("rabbitmq_resident_memory_limit_bytes", self.limits.memory),
            ("rabbitmq_disk_space_available_bytes", self.free_disk),
            ("rabbitmq_disk_space_available_limit_bytes", self.limits.free_disk),
            ("rabbitmq_process_open_fds", self.files),
            ("rabbitmq_process_max_fds", self.most_files),
            ("rabbitmq_alarms_memory_used_watermark", f64::from(self.lacks_memory())),
            ("rabbitmq_alarms_free_disk_space_watermark", f64::from(self.lacks_disk())),
        ];
        let of_node = of_node.map(|(name, value)| (series(name, &[&self.name]), value));
        let mut all = Series::from([
            ("rabbitmq_exchanges".to_owned(), account("exchanges")),
            ("rabbitmq_connections".to_owned(), account("connections")),
            ("rabbitmq_channels".to_owned(), account("channels")),
            ("rabbitmq_consumers".to_owned(), self.consumers),
            ("rabbitmq_statistics_enabled".to_owned(), 1.0),
            (
                series(
                    "rabbitmq_build_info",
                    &[text("version"), erlang.trim(), text("product"), text("product_version")],
                ),
                1.0,
            ),
            (series("rabbitmq_identity_info", &[&self.name, text("cluster"), "aggregated"]), 1.0),
        ]);
        all.extend(self.plugin.series(&self.name, &self.overview));
        all.extend(of_node);
        all
    }
}
