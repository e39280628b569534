//! Grafana, where it is installed.

use std::path::{Path, PathBuf};

use platform_exporter::bundle;
use tempfile::TempDir;

use super::http;
use super::ports::Port;
use super::process::{Process, command};
use super::root;

/// What is shipped for a Grafana in a container.
const PROVISIONING: [&str; 2] =
    ["provisioning/dashboards/platform.yml", "provisioning/datasources/platform.yml"];
/// Where Debian's package of Grafana has what is not configuration.
const HOME: &str = "/usr/share/grafana";

/// A Grafana that everybody on this machine may look at.
#[derive(Debug)]
pub struct Grafana {
    process: Process,
    port: Port,
    _directory: TempDir,
}

impl Grafana {
    /// Where it is installed: `GRAFANA_SERVER`, or `grafana-server` on the PATH.
    pub fn installed() -> Option<PathBuf> {
        if let Some(named) = std::env::var_os("GRAFANA_SERVER") {
            let file = std::fs::canonicalize(&named);
            return Some(file.unwrap_or_else(|error| panic!("GRAFANA_SERVER={}: {error}", named.display())));
        }
        let path = std::env::var_os("PATH")?;
        let mut found = std::env::split_paths(&path).map(|directory| directory.join("grafana-server"));
        // A link is followed: its files are beside the program itself.
        found.find_map(|file| std::fs::canonicalize(file).ok())
    }

    /// Starts it with the dashboards of a bundle, and waits until it answers.
    pub async fn start(
        server: &Path,
        port: Port,
        bundle: &[bundle::File],
        prometheus: &str,
        alertmanager: &str,
    ) -> Self {
        let directory = TempDir::with_prefix("grafana-").expect("a temporary directory");
        provision(directory.path(), bundle, prometheus, alertmanager);
        let mut command = command(server);
        // A package installed elsewhere has its files beside its programs.
        let home = server.ancestors().nth(2).filter(|home| home.join("public").is_dir());
        command.arg("--homepath").arg(home.unwrap_or(Path::new(HOME)));
        command.envs(settings(directory.path(), &port)).current_dir(directory.path());
        let process = Process::spawn("grafana", command, directory.path());
        let mut server = Self { process, port, _directory: directory };
        let url = format!("{}/api/health", server.url());
        server.process.ready(async || http::answers(&url).await).await;
        server
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// Writes the dashboards of a bundle, and the provisioning that is shipped with the addresses that its services have here.
pub fn provision(directory: &Path, bundle: &[bundle::File], prometheus: &str, alertmanager: &str) {
    let write = |name: &str, text: &str| {
        let path = directory.join(name);
        std::fs::create_dir_all(path.parent().expect("it is in a directory"))
            .expect("the directory is writable");
        std::fs::write(path, text).expect("the directory is writable");
    };
    for file in bundle {
        if let Some(name) = file.path.strip_prefix("grafana/dashboards/") {
            write(&format!("dashboards/{name}"), &file.text);
        }
    }
    for name in PROVISIONING {
        let shipped =
            std::fs::read_to_string(root().join("grafana").join(name)).expect("it is in the repository");
        let own = shipped
            .replace("http://prometheus:9090", prometheus)
            .replace("http://alertmanager:9093", alertmanager);
        write(
            name,
            &own.replace("/etc/grafana/dashboards", &directory.join("dashboards").display().to_string()),
        );
    }
}

/// Grafana's settings: it listens on this machine only, everybody may look, and it calls nobody.
pub fn settings(directory: &Path, port: &Port) -> Vec<(&'static str, String)> {
    let path = |name: &str| directory.join(name).display().to_string();
    let fixed = [
        ("GF_SERVER_HTTP_ADDR", "127.0.0.1"),
        ("GF_AUTH_ANONYMOUS_ENABLED", "true"),
        ("GF_AUTH_ANONYMOUS_ORG_ROLE", "Viewer"),
        ("GF_AUTH_DISABLE_LOGIN_FORM", "true"),
        ("GF_USERS_ALLOW_SIGN_UP", "false"),
        ("GF_PLUGINS_PREINSTALL_DISABLED", "true"),
        ("GF_ANALYTICS_REPORTING_ENABLED", "false"),
        ("GF_ANALYTICS_CHECK_FOR_UPDATES", "false"),
        ("GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES", "false"),
        ("GF_NEWS_NEWS_FEED_ENABLED", "false"),
    ];
    let own = [
        ("GF_SERVER_HTTP_PORT", port.to_string()),
        ("GF_PATHS_DATA", path("data")),
        ("GF_PATHS_LOGS", path("logs")),
        ("GF_PATHS_PLUGINS", path("plugins")),
        ("GF_PATHS_PROVISIONING", path("provisioning")),
        ("GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH", path("dashboards/overview.json")),
    ];
    fixed.map(|(name, value)| (name, value.to_owned())).into_iter().chain(own).collect()
}
