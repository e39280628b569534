//! The two Grafanas of the compose file: one for everybody, and one for those who may see single users.

use std::collections::BTreeSet;

use super::{read, services};

#[test]
fn grafana_is_provisioned_by_files_and_open_to_nobody() {
    let services = services();
    for (name, secret) in
        [("grafana", "grafana_admin_password"), ("restricted-grafana", "restricted_grafana_admin_password")]
    {
        let environment = services[name].environment();
        for (variable, value) in [
            ("GF_SECURITY_ADMIN_PASSWORD__FILE", format!("/run/secrets/{secret}").as_str()),
            ("GF_AUTH_ANONYMOUS_ENABLED", "false"),
            ("GF_USERS_ALLOW_SIGN_UP", "false"),
            ("GF_PLUGINS_PREINSTALL_DISABLED", "true"),
            ("GF_ANALYTICS_REPORTING_ENABLED", "false"),
            ("GF_ANALYTICS_CHECK_FOR_UPDATES", "false"),
            ("GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES", "false"),
            ("GF_NEWS_NEWS_FEED_ENABLED", "false"),
        ] {
            assert_eq!(environment[variable], value, "{name}: {variable}");
        }
        let targets: BTreeSet<_> = services[name].mounts().into_iter().map(|(_, to, _)| to).collect();
        for folder in ["provisioning/dashboards", "provisioning/datasources", "dashboards"] {
            assert!(targets.contains(&format!("/etc/grafana/{folder}")), "{name}: {folder}");
        }
    }
    let home = &services["grafana"].environment()["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"];
    assert_eq!(home, "/etc/grafana/dashboards/overview.json");
}

/// Only the restricted Grafana knows the database, says who looked at what, and has a login of its own.
#[test]
fn the_database_is_known_to_the_restricted_grafana_alone() {
    let services = services();
    let named = |path: &str| -> BTreeSet<String> {
        let text = read(path);
        text.split("${").skip(1).map(|rest| rest.split('}').next().unwrap().to_owned()).collect()
    };
    assert_eq!(named("grafana/provisioning/datasources/platform.yml"), BTreeSet::new());
    let named = named("grafana/restricted/provisioning/datasources/platform.yml");
    assert_eq!(named.len(), 5, "{named:?}");
    let restricted = services["restricted-grafana"].environment();
    for name in &named {
        assert!(restricted.contains_key(name), "{name}");
        assert!(!services["grafana"].environment().contains_key(name), "{name}");
    }
    assert_eq!(restricted["GRAFANA_POSTGRES_PASSWORD"], "$$__file{/run/secrets/grafana_postgres_password}");
    assert_eq!(restricted["GF_SERVER_ROUTER_LOGGING"], "true");
    assert_eq!(restricted["GF_AUTH_LOGIN_COOKIE_NAME"], "restricted_grafana_session");
    let volume = |name: &str| {
        let mounts = services[name].mounts().into_iter();
        mounts.filter(|(_, to, _)| to == "/var/lib/grafana").map(|(from, _, _)| from).collect::<Vec<_>>()
    };
    assert_ne!(volume("grafana"), volume("restricted-grafana"));
    // The demo has a value for each that is no secret.
    let demo = read("compose/demo.env");
    let given = demo.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name.to_owned());
    let secret = "GRAFANA_POSTGRES_PASSWORD".to_owned();
    assert_eq!(given.chain([secret]).collect::<BTreeSet<_>>(), named);
}
