//! The grammar of dashboards, through a pack of one's own: as a user writes it.

mod faults;

use std::io;

use platform_core::yaml::Faults;
use platform_exporter::bundle::{self, File};
use platform_exporter::config::{self, Config, Surroundings};
use serde_json::Value;

const CONFIG: &str = "
sources:
  db: {postgres: {url: \"postgres://localhost/shop\"}}
  broken.db: {postgres: {url: \"postgres://localhost/shop\"}}
packs:
  shop: {file: shop.yml, db: db}
";

const HEAD: &str = "
about: What the shop has.
inputs: {db: {kind: postgres, help: The shop's database.}, cache: {kind: redis, help: A cache., optional: true}}
queries:
  - name: users
    source: $(db)
    sql: SELECT plan, count(*) AS users FROM users GROUP BY plan
    labels: [plan]
    metrics: [{name: shop_users, value: users, help: Accounts by plan.}]
dashboard:
  title: Shop
  about: How the shop is.
";

fn load(dashboard: &str) -> Config {
    let pack = format!("{HEAD}{dashboard}");
    let file = |_: &str| io::Result::Ok(pack.clone());
    let surroundings = Surroundings { variable: &|_| None, file: &file };
    config::load(CONFIG, "platform.yml", surroundings).unwrap_or_else(|faults| panic!("{faults}"))
}

fn render(dashboard: &str) -> Result<Vec<File>, Faults> {
    bundle::render(Some(&load(dashboard)))
}

fn shop(dashboard: &str) -> Value {
    rendered("shop", dashboard)
}

/// The dashboard of this name, beside a pack with this dashboard.
fn rendered(name: &str, dashboard: &str) -> Value {
    let files = render(dashboard).unwrap_or_else(|faults| panic!("{faults}"));
    let path = format!("grafana/dashboards/{name}.json");
    let file = files.iter().find(|file| file.path == path).unwrap();
    serde_json::from_str(&file.text).unwrap()
}

fn panel<'a>(dashboard: &'a Value, title: &str) -> &'a Value {
    let panels = dashboard["panels"].as_array().unwrap();
    panels.iter().find(|panel| panel["title"] == title).unwrap_or_else(|| panic!("{title} is not there"))
}

/// A panel of one line has its help, its unit and its look from the metric that it asks for.
#[test]
fn defaults_make_a_panel_of_one_line() {
    let shop = shop("  rows: [{panels: [{stat: Users, expr: sum(shop_users)}]}]\n");
    let users = panel(&shop, "Users");
    assert_eq!(users["description"], "Accounts by plan.");
    assert_eq!(users["fieldConfig"]["defaults"]["unit"], "locale");
    assert_eq!(users["targets"][0]["expr"], "sum(shop_users)");
    assert_eq!(users["targets"][0]["instant"], true);
    assert_eq!(shop["uid"], "platform-shop");
    let status = panel(&shop, "Status")["targets"][0]["expr"].as_str().unwrap();
    assert!(status.contains("source=~\"db\""), "{status}");
}

/// Thresholds are compared with seconds, while a point in time is shown as milliseconds since 1970.
#[test]
fn a_time_with_thresholds_is_an_age() {
    let row =
        "  rows: [{panels: [{stat: Last, expr: max(shop_users), unit: ago, thresholds: {warning: 60}}]}]\n";
    let shop = shop(row);
    let last = panel(&shop, "Last");
    assert!(last["targets"][0]["expr"].as_str().unwrap().starts_with("time() - ("), "{last}");
    assert_eq!(last["fieldConfig"]["defaults"]["unit"], "s");
}

#[test]
fn series_have_the_colours_that_a_panel_chooses() {
    for panel_type in ["timeseries", "bar", "pie"] {
        let shop = shop(&format!(
            "  rows: [{{panels: [{{{panel_type}: Users, expr: shop_users, name: '{{{{plan}}}}', colors: {{pro: ok}}}}]}}]\n"
        ));
        let color = serde_json::json!({"mode": "fixed", "fixedColor": "#158C51"});
        let overrides = &panel(&shop, "Users")["fieldConfig"]["overrides"];
        let expected = serde_json::json!({
            "matcher": {"id": "byName", "options": "pro"}, "properties": [{"id": "color", "value": color}],
        });
        assert_eq!(overrides.as_array().unwrap().last(), Some(&expected), "{panel_type}");
    }
}

/// With a configuration, there are the dashboards of its kinds and packs, and no others.
#[test]
fn a_configuration_gets_the_dashboards_and_rules_of_what_it_has() {
    let files = render("  rows: [{panels: [{stat: Users, expr: sum(shop_users)}]}]\n").unwrap();
    let mut paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
    paths.sort_unstable();
    let rules = ["exporter", "postgres", "sources"].map(|name| format!("alerts/{name}.rules.yml"));
    let dashboards = ["exporter", "overview", "postgres", "shop"];
    let dashboards = dashboards.map(|name| format!("grafana/dashboards/{name}.json"));
    assert_eq!(paths, [&rules[..], &dashboards].concat());
}

#[test]
fn the_overview_leads_to_each_platform() {
    let overview = rendered("overview", "  rows: [{panels: [{stat: Users, expr: sum(shop_users)}]}]\n");
    let platforms = panel(&overview, "Sources of platforms that are not up");
    let link = platforms["fieldConfig"]["defaults"]["links"][0]["url"].as_str().unwrap();
    assert!(link.starts_with("/d/platform-${__field.labels.deployment}?"), "{link}");
    let expr = platforms["targets"][0]["expr"].as_str().unwrap();
    assert!(expr.contains("platform_source_pack_info{deployment=~\"shop\"}"), "{expr}");
}

#[test]
fn every_sort_of_panel_is_rendered() {
    let shop = shop(
        "
  variables: [{name: plan, query: 'label_values(shop_users, plan)', many: true},
    {name: days, list: ['1', '7']}, {name: user, typed: ''}]
  rows:
    - row: All
      panels:
        - {stat: Trend, expr: sum(shop_users), trend: 7d, thresholds: {warning: 10, critical: 5}}
        - {stat: Growth, expr: sum(shop_users), trend: 7d}
        - {status: Cards}
        - {timeseries: Lines, expr: shop_users, name: '{{plan}}', stack: true}
        - {bar: Bars, expr: shop_users, name: '{{plan}}'}
        - {pie: Slices, expr: shop_users, name: '{{plan}}'}
        - table: Joined
          columns: [{label: plan}, {name: Users, expr: shop_users, bar: true}, {name: Again, expr: shop_users}]
        - {heatmap: Idle, expr: sum by (le) (pg_process_idle_seconds_bucket)}
        - {states: Day, expr: shop_users, words: {'0': {text: none, color: critical}}}
        - {alerts: Firing}
        - {problems: Wrong}
        - {text: Note, markdown: '**Read** this.'}
        - {stat: Elsewhere, expr: rabbitmq_up, of: rabbitmq}
        - {stat: Cached, expr: 'redis_up{source=\"$(cache)\"}'}
",
    );
    let kinds = [
        ("Trend", "stat"),
        ("Cards", "stat"),
        ("Lines", "timeseries"),
        ("Bars", "bargauge"),
        ("Slices", "piechart"),
        ("Joined", "table"),
        ("Idle", "heatmap"),
        ("Day", "state-timeline"),
        ("Firing", "table"),
        ("Wrong", "table"),
        ("Note", "text"),
    ];
    for (title, kind) in kinds {
        assert_eq!(panel(&shop, title)["type"], kind, "{title}");
    }
    let trend = panel(&shop, "Trend");
    assert_eq!((&trend["timeFrom"], &trend["options"]["showPercentChange"]), (&"7d".into(), &false.into()));
    assert_eq!(panel(&shop, "Growth")["options"]["showPercentChange"], true);
    assert_eq!(trend["options"]["percentChangeColorMode"], "same_as_value");
    let colors: Vec<_> =
        trend["fieldConfig"]["defaults"]["thresholds"]["steps"].as_array().unwrap().iter().collect();
    assert_eq!((&colors[0]["color"], &colors[2]["color"]), (&"red".into(), &"#158C51".into()));
    let joined = panel(&shop, "Joined");
    assert_eq!(joined["targets"][1]["expr"], "max by (plan) (shop_users)");
    let users = &joined["fieldConfig"]["overrides"][1]["properties"];
    let cell = serde_json::json!({"type": "gauge", "mode": "basic", "valueDisplayMode": "text"});
    let cell = serde_json::json!({"id": "custom.cellOptions", "value": cell});
    assert!(users.as_array().unwrap().contains(&cell), "{users}");
    let own_largest = serde_json::json!({"id": "fieldMinMax", "value": true});
    assert!(users.as_array().unwrap().contains(&own_largest), "{users}");
    // The unit is that of what is observed.
    let idle = panel(&shop, "Idle");
    assert_eq!(
        (&idle["options"]["yAxis"]["unit"], &idle["targets"][0]["format"]),
        (&"s".into(), &"heatmap".into())
    );
    // What names an input that is not given, or is of a kind that is not there, is left out.
    for absent in ["Cached", "Elsewhere"] {
        assert!(shop["panels"].as_array().unwrap().iter().all(|panel| panel["title"] != absent));
    }
    let variables: Vec<_> =
        shop["templating"]["list"].as_array().unwrap().iter().map(|variable| &variable["name"]).collect();
    assert_eq!(variables, ["datasource", "plan", "days", "user"]);
}

/// What queries the database is a dashboard of its own, and an error anywhere else.
#[test]
fn sql_is_only_in_the_restricted_dashboard() {
    let panels = "
  variables:
    - {name: account, sql: SELECT id FROM users}
  rows:
    - panels:
        - {pie: Slices, sql: 'SELECT plan, count(*) FROM users GROUP BY 1', unit: count, help: By plan.}
        - table: Rows
          sql: SELECT id, spent FROM users
          help: Who spends most.
          columns: [{column: spent, unit: euros}, {column: id, name: User, link: '/d/platform-shop?var-user=${__value.text}'}, {column: picture, image: true}]
";
    let public = "  rows: [{panels: [{stat: Users, expr: sum(shop_users)}]}]\n";
    let files = render(&format!(
        "{public}restricted_dashboard:\n  title: Users\n  about: Users of the shop.{panels}"
    ));
    let files = files.unwrap_or_else(|faults| panic!("{faults}"));
    let restricted: Vec<_> =
        files.iter().filter(|file| file.path.starts_with("grafana/restricted/")).collect();
    assert_eq!(restricted[0].path, "grafana/restricted/dashboards/shop-users.json");
    let [file] = restricted[..] else { panic!("expected one file") };
    let users: Value = serde_json::from_str(&file.text).unwrap();
    assert_eq!((&users["uid"], &users["refresh"]), (&"platform-shop-users".into(), &"5m".into()));
    assert_eq!(panel(&users, "Slices")["type"], "piechart");
    let rows = panel(&users, "Rows");
    assert_eq!(
        (&rows["type"], &rows["targets"][0]["datasource"]["uid"]),
        (&"table".into(), &"${postgres}".into())
    );
    let link = rows["fieldConfig"]["overrides"][1]["properties"].as_array().unwrap().iter();
    let url = link.filter(|property| property["id"] == "links").map(|property| &property["value"][0]["url"]);
    assert_eq!(url.collect::<Vec<_>>(), ["/d/platform-shop?var-user=${__value.text}"]);
    let picture = &rows["fieldConfig"]["overrides"][2]["properties"];
    let cell = serde_json::json!({"id": "custom.cellOptions", "value": {"type": "image"}});
    assert!(picture.as_array().unwrap().contains(&cell), "{picture}");
    let variables: Vec<_> =
        users["templating"]["list"].as_array().unwrap().iter().map(|variable| &variable["name"]).collect();
    assert_eq!(variables, ["datasource", "postgres", "account"]);

    let faults = render(panels).unwrap_err().to_string();
    for path in ["variables[0]", "rows[0].panels[0]", "rows[0].panels[1]"] {
        assert!(
            faults.contains(&format!("dashboard.{path}.sql: everybody who sees this dashboard")),
            "{faults}"
        );
    }
}

/// A link to the platform's own pages is there if the configuration has their address; its panel always is.
#[test]
fn without_the_value_of_an_optional_parameter_only_its_key_is_left_out() {
    let dashboard = "  rows: [{panels: [{stat: Users, expr: sum(shop_users), link: $(admin_url)/users}]}]
parameters: {admin_url: {type: url, optional: true, help: The admin pages.}}
";
    let links = |config: &str| {
        let pack = format!("{HEAD}{dashboard}");
        let file = |_: &str| io::Result::Ok(pack.clone());
        let surroundings = Surroundings { variable: &|_| None, file: &file };
        let config =
            config::load(config, "platform.yml", surroundings).map_err(|faults| faults.to_string())?;
        let files = bundle::render(Some(&config)).unwrap_or_else(|faults| panic!("{faults}"));
        let file = files.iter().find(|file| file.path == "grafana/dashboards/shop.json").unwrap();
        let shop: Value = serde_json::from_str(&file.text).unwrap();
        Ok::<_, String>(panel(&shop, "Users")["fieldConfig"]["defaults"]["links"].clone())
    };
    let with =
        |url: &str| links(&CONFIG.replace("file: shop.yml", &format!("file: shop.yml, admin_url: '{url}'")));
    assert_eq!(links(CONFIG).unwrap(), Value::Null);
    assert_eq!(with("https://admin.example.com").unwrap()[0]["url"], "https://admin.example.com/users");
    for url in [
        "admin.example.com",
        "javascript:alert(1)",
        "https://user:secret@admin.example.com",
        "https:///users",
    ] {
        let error = with(url).unwrap_err();
        assert!(error.contains("packs.shop.admin_url: expected an address such as https://"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

/// Every key and every unit is described: the page is checked against what the grammar itself says it knows.
#[test]
fn the_page_describes_every_key_and_every_unit() {
    let page = include_str!("../../docs/dashboards.md");
    let known = |panel: &str| {
        let faults = render(&format!("  rows: [{{panels: [{panel}]}}]\n")).unwrap_err().to_string();
        let list = faults
            .split("expected one of ")
            .nth(1)
            .unwrap()
            .split([' ', '('])
            .take_while(|word| !word.starts_with("found"));
        list.map(|word| word.trim_end_matches(',').to_owned()).collect::<Vec<_>>()
    };
    let words =
        [known("{stat: A, nothing: 1}"), known("{stat: A, expr: shop_users, unit: nothing}")].concat();
    assert!(words.len() > 40, "{words:?}");
    let missing = words.iter().filter(|word| {
        !word.is_empty() && !page.contains(&format!("`{word}`")) && !page.contains(&format!("`{word}: "))
    });
    assert_eq!(missing.collect::<Vec<_>>(), Vec::<&String>::new());
}

/// A dashboard's address is made of the pack's name, so not every name will do.
#[test]
fn a_name_that_cannot_be_an_address_is_reported() {
    let pack = format!("{HEAD}  rows: [{{panels: [{{text: A, markdown: B}}]}}]\n");
    let file = |_: &str| io::Result::Ok(pack.clone());
    for name in ["redis", "shop.eu", "a-name-that-is-longer-than-grafana-takes"] {
        let config = CONFIG.replace("  shop: ", &format!("  {name}: "));
        let config = config::load(&config, "platform.yml", Surroundings { variable: &|_| None, file: &file });
        let found = bundle::render(Some(&config.unwrap())).unwrap_err().to_string();
        assert!(
            found.contains(&format!("the name of the pack, `{name}`, becomes the dashboard's address")),
            "{found}"
        );
    }
}
