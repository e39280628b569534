//! `init` on Redis.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use testkit::exporter::{binary, value};
use testkit::redis::Redis;
use testkit::root;

use super::recipes::{expected, names};
use super::{ORDERS, Project};

/// The keys of a recipe's test.
pub(super) fn keys(name: &str) -> String {
    let path = root().join(format!("tests/it/init/redis_keys/{name}.txt"));
    fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("a recipe has keys that it finds: {name}: {error}"))
}

/// Runs commands as redis-cli reads them, one a line.
pub(super) fn fill(server: &Redis, commands: &str) {
    let mut cli = Command::new("redis-cli");
    cli.args(["-u", &server.url()]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut cli = cli.spawn().expect("redis-tools is installed");
    let commands: Vec<_> = commands.lines().filter(|line| !line.starts_with('#')).collect();
    cli.stdin.take().unwrap().write_all((commands.join("\n") + "\n").as_bytes()).unwrap();
    let output = cli.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("ERR") && !text.contains("WRONGTYPE"), "{text}");
}

/// Connections with the names that the keys expect, as a library gives them to those of its workers.
async fn connected(server: &Redis, keys: &str) -> Vec<redis::aio::MultiplexedConnection> {
    let names = keys.lines().filter_map(|line| line.strip_prefix("# connected: "));
    let mut connections = Vec::new();
    for name in names.flat_map(|names| names.split(' ')) {
        let mut connection = server.connection().await;
        redis::cmd("CLIENT").arg("SETNAME").arg(name).query_async::<()>(&mut connection).await.unwrap();
        connections.push(connection);
    }
    connections
}

pub(super) fn project(server: &Redis) -> Project {
    Project::of("REDIS_URL", server.url())
}

/// Makes the account of a role, and lets the exporter log in as it.
pub(super) async fn apply_role(server: &Redis, project: &mut Project, file: &str) {
    let role = project.read(file);
    let rules: Vec<_> = role.lines().filter_map(|line| line.strip_prefix("user ")).collect();
    let [rule] = rules[..] else { panic!("one rule, or a server does not start: {role}") };
    let rule = rule.replace(">PASSWORD", ">geheim");
    let words: Vec<_> = ["ACL", "SETUSER"].into_iter().chain(rule.split(' ')).collect();
    server.run::<()>(&words).await;
    project.url = server.url_as("platform_exporter", "geheim");
}

fn exposition(project: &Project) -> String {
    project.run(&binary(), &["probe", "cache", "--config.file", "platform.yml", "--format", "prometheus"])
}

/// What a recipe proposes passes with the account that its own role makes, which reads nothing else.
#[tokio::test]
async fn each_recipe_finds_its_keys_and_counts_right_as_its_own_account() {
    let mut wrong = Vec::new();
    for name in names("kinds/redis/recipes", "yml") {
        let server = Redis::start().await;
        let keys = keys(&name);
        fill(&server, &keys);
        let _workers = connected(&server, &keys).await;
        let mut project = project(&server);
        let printed = project.init(&[]);
        let proposals: Vec<_> = keys.lines().filter_map(|line| line.strip_prefix("# init finds: ")).collect();
        let pack = project.read("packs/shop.yml");
        let proposed = format!("# Proposed so far: {}\n", proposals.join(" "));
        assert!(pack.ends_with(&proposed), "{name}: {printed}\n{pack}");
        apply_role(&server, &mut project, "packs/shop.role.acl").await;
        let include = format!("include {}", project.path("packs/shop.role.acl").display());
        let other = Redis::options().setting(&include).start().await;
        let users: Vec<String> = other.run(&["ACL", "USERS"]).await;
        assert!(users.contains(&"platform_exporter".to_owned()), "{name}: {users:?}");
        // It may read no other key, and change none.
        server.run::<()>(&["SET", "other", "1"]).await;
        for words in [["STRLEN", "other"], ["GET", "other"], ["TYPE", "other"], ["DEL", "other"]] {
            let dry = [&["ACL", "DRYRUN", "platform_exporter"], &words[..]].concat();
            let answer: String = server.run(&dry).await;
            assert!(
                answer.contains("no permissions") || answer.contains("cannot") || answer.contains("access"),
                "{name}: {words:?}: {answer}"
            );
        }
        project.passes();
        let exposition = exposition(&project) + &project.workers();
        wrong.extend(keys.lines().filter_map(expected).filter_map(|(series, range)| {
            let value = value(&exposition, &series);
            let is_right = value.is_some_and(|value| range.contains(&value));
            (!is_right).then(|| format!("{name}: {series} is {value:?}, expected {range:?}"))
        }));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A queue that was not there when `init` ran.
#[tokio::test]
async fn a_new_queue_appears_by_itself() {
    let server = Redis::start().await;
    fill(&server, &keys("sidekiq"));
    let project = project(&server);
    project.init(&[]);
    fill(&server, "SADD queues reports\n9 RPUSH queue:reports job");
    let exposition = exposition(&project);
    assert_eq!(value(&exposition, "shop_sidekiq_jobs{queue=\"reports\"}"), Some(9.0), "{exposition}");
}

/// All in one database. The rule of the account stays one line, with what was there.
#[tokio::test]
async fn a_second_run_adds_what_is_new_and_widens_the_rule() {
    let server = Redis::start().await;
    fill(&server, &keys("sidekiq"));
    let mut project = project(&server);
    project.init(&[]);
    let before = project.read("packs/shop.role.acl");
    // Other jobs than before are there.
    fill(&server, "DEL schedule retry\nSADD processes host:1:0cb7a8f8d2f1");
    let printed = project.init(&[]);
    assert!(printed.contains("cache: nothing new to propose"), "{printed}");
    assert_eq!(project.read("packs/shop.role.acl"), before);
    for name in ["rq", "bullmq", "celery", "resque"] {
        fill(&server, &keys(name));
    }
    project.init(&[]);
    let rule = |text: &str| text.lines().find(|line| line.starts_with("user ")).unwrap().to_owned();
    let after = project.read("packs/shop.role.acl");
    assert!(rule(&after).starts_with(&rule(&before)), "{before}{after}");
    assert!(project.read("packs/shop.yml").ends_with(
        "# Proposed so far: bullmq(bull_meta) celery(kombu_binding) resque(resque_queues) rq(rq_queues) sidekiq(queues) \
         workers(resque) workers(rq) workers(sidekiq)\n"
    ));
    apply_role(&server, &mut project, "packs/shop.role.acl").await;
    project.passes();
    let exposition = exposition(&project);
    for (series, expected) in [
        ("shop_sidekiq_jobs{queue=\"default\"}", 40.0),
        ("shop_rq_queued{queue=\"default\"}", 20.0),
        ("shop_resque_jobs{queue=\"default\"}", 30.0),
        ("shop_bullmq_waiting{queue=\"emails\"}", 10.0),
        ("shop_celery_tasks{queue=\"celery\"}", 25.0),
    ] {
        assert_eq!(value(&exposition, series), Some(expected), "{series} in {exposition}");
    }
}

/// What is planted in the names of keys.
const PLANTED: [&str; 9] = [
    "anna@example.org",
    "+4917012345678",
    "Hildburg Quintermann",
    "melchior.habermann",
    "tok_4eC39HqLyjWDarjtT1",
    "sk_live_51H8abcdEFGH0",
    "192.168.71.5",
    "ludmilka",
    "注文",
];

#[tokio::test]
async fn what_is_in_names_of_keys_is_printed_and_written_nowhere() {
    let server = Redis::start().await;
    fill(&server, &keys("sidekiq"));
    for planted in PLANTED {
        for key in [
            format!("session:{planted}"),
            planted.to_owned(),
            format!("{planted}:queues"),
            format!("user:{planted}:cart"),
            format!("queue:{planted}"),
        ] {
            server.run::<()>(&["LPUSH", &key, planted]).await;
        }
        server.run::<()>(&["HSET", &format!("bull:{planted}:meta"), "version", "bullmq:6.7.0"]).await;
        server.run::<()>(&["SET", &format!("bull:{planted}:id"), "1"]).await;
        let binding = format!("{planted}\u{6}\u{16}\u{6}\u{16}{planted}");
        server.run::<()>(&["SADD", &format!("_kombu.binding.{planted}"), &binding]).await;
        server.run::<()>(&["SADD", "rq:queues", &format!("rq:queue:{planted}")]).await;
    }
    let project = project(&server);
    let printed = project.init(&[]);
    project.passes();
    let files = ["platform.yml", "packs/shop.yml", "packs/shop.role.acl", "packs/shop_test.yml"];
    let written: String = files.map(|file| project.read(file)).concat();
    let all = printed + &written + &exposition(&project);
    for planted in PLANTED {
        assert!(!all.contains(planted), "{planted} is in:\n{all}");
    }
    assert!(written.contains("# Proposed so far: sidekiq(queues) workers(sidekiq)\n"), "{written}");
}

/// On a busy machine, in a build without optimization.
const LONGEST: Duration = Duration::from_secs(60);

/// A million keys are looked at in part, and the few keys of queues among them are found.
#[tokio::test]
async fn a_million_keys() {
    let server = Redis::start().await;
    for part in 0..20 {
        let lua = format!("for i={part}*50000+1,({part}+1)*50000 do redis.call('SET', 'carts:'..i, 1) end");
        server.run::<()>(&["EVAL", &lua, "0"]).await;
    }
    fill(&server, &keys("sidekiq"));
    fill(&server, &keys("rq"));
    server.run::<()>(&["CONFIG", "RESETSTAT"]).await;
    let project = project(&server);
    let started = Instant::now();
    let printed = project.init(&[]);
    assert!(started.elapsed() < LONGEST, "{:?}", started.elapsed());
    let info: String = server.run(&["INFO", "commandstats"]).await;
    let scans = info.lines().find_map(|line| line.strip_prefix("cmdstat_scan:calls=")?.split(',').next());
    let scans: u32 = scans.unwrap().parse().unwrap();
    assert!(scans <= 100, "{scans}");
    assert!(printed.contains(" keys looked at"), "{printed}");
    assert!(printed.contains("queues that are in no set are not looked for"), "{printed}");
    let proposed = "# Proposed so far: rq(rq_queues) sidekiq(queues) workers(rq) workers(sidekiq)\n";
    assert!(project.read("packs/shop.yml").ends_with(proposed));
}

/// The pack of the database has the name of the platform, whether there is a Redis or not.
#[tokio::test]
async fn the_queues_of_a_platform_have_a_pack_beside_that_of_its_database() {
    let server = Redis::start().await;
    fill(&server, &keys("sidekiq"));
    let (_database, project) = Project::with(ORDERS).await;
    fs::write(project.path(".env"), format!("REDIS_URL={}\n", server.url())).unwrap();
    project.init(&[]);
    assert!(project.read("packs/shop.yml").contains("states(orders.status)"));
    assert!(project.read("packs/shop_cache.yml").contains("shop_cache_sidekiq_jobs"));
    let load = "set -a; . ./.env; exec \"$0\" check --live --config.file platform.yml";
    project.run(Path::new("sh"), &["-c", load, binary().to_str().unwrap()]);
}

/// Keys for a recipe that there is not are a leftover.
#[test]
fn all_keys_are_those_of_a_recipe() {
    assert_eq!(names("tests/it/init/redis_keys", "txt"), names("kinds/redis/recipes", "yml"));
}
