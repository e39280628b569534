//! A replica set, whose members are asked one by one.

use mongodb::bson::{Bson, Document, doc};
use platform_core::probe::Reason;

use super::collectors;
use super::member::{Member, number};
use super::numbers::{numbers, plain};
use super::{PATIENCE, Watched, orders, slow};
use testkit::mongodb_set::MongodbSet;
use testkit::recount::{Recounts, Series, series};
use testkit::subject::source;
use testkit::wait::{eventually, until};

const PRIMARY: f64 = 1.0;
const SECONDARY: f64 = 2.0;
const DOWN: f64 = 8.0;

/// A set, and a client of each member that stays.
struct Scene {
    set: MongodbSet,
    members: Vec<Member>,
}

/// The state of a member, and the time of its last operation, as it says itself.
async fn state(member: &Member) -> (f64, Option<f64>) {
    let Some(hello) = member.hello().await else { return (DOWN, None) };
    let is_primary = hello.get_bool("isWritablePrimary").unwrap_or(false);
    (if is_primary { PRIMARY } else { SECONDARY }, number(&hello, "lastWrite.lastWriteDate"))
}

fn in_words(state: f64) -> &'static str {
    match state {
        PRIMARY => "PRIMARY",
        SECONDARY => "SECONDARY",
        _ => "(not reachable/healthy)",
    }
}

impl Scene {
    async fn start() -> Self {
        let set = MongodbSet::start("root", "secret").await;
        let mut scene = Self { set, members: Vec::new() };
        scene.meet().await;
        // The account comes to the secondaries after the primary has it.
        for member in &scene.members {
            let admin = member.client.database("admin");
            eventually(PATIENCE, "the member knows the account", async || {
                admin.run_command(doc! {"connectionStatus": 1}).await.is_ok()
            })
            .await;
        }
        scene
    }

    /// Connects to each member, whose process may be another one than before.
    async fn meet(&mut self) {
        self.members.clear();
        for member in self.set.members() {
            self.members.push(Member::of(member).await);
        }
    }

    fn url(&self) -> String {
        format!("mongodb://root:secret@{}/?authSource=admin&replicaSet=rs0", self.set.hosts())
    }

    async fn primary(&self) -> &Member {
        let address = self.set.primary_member().await.address();
        self.members.iter().find(|member| member.address == address).expect("it is one of them")
    }

    /// What each member says of itself, seen from one.
    async fn series(&self, from: &Member) -> Series {
        let mut all = slow(0.0, None);
        let status = from.run(doc! {"replSetGetStatus": 1}).await;
        let members = status.get_array("members").expect("it has members");
        let members: Vec<_> = members.iter().filter_map(Bson::as_document).collect();
        for prefix in ["", "rs_"] {
            all.extend(numbers(prefix, &[], &status, plain));
            for member in &members {
                let labels = ["name", "stateStr"].map(|key| member.get_str(key).expect("it has both"));
                all.extend(numbers(&format!("{prefix}members_"), &labels, member, plain));
            }
        }
        for member in &self.members {
            let (state, written) = state(member).await;
            if member.address == from.address {
                all.insert("mongodb_rs_myState".to_owned(), state);
            }
            let labels = [member.address.as_str(), in_words(state)];
            all.insert(series("mongodb_rs_members_state", &labels), state);
            all.insert(series("mongodb_rs_members_health", &labels), f64::from(state != DOWN));
            let written = written.map(|at| (series("mongodb_rs_members_optimeDate", &labels), at * 1e3));
            all.extend(written);
        }
        all
    }

    /// Waits until this member has heard from the others what they say of themselves, which it does twice a second.
    async fn settled(&self, from: &Member) {
        eventually(PATIENCE, "the members have heard of each other", async || {
            let status = from.run(doc! {"replSetGetStatus": 1}).await;
            for member in
                status.get_array("members").expect("it has members").iter().filter_map(Bson::as_document)
            {
                let name = member.get_str("name").expect("it has a name");
                let of =
                    self.members.iter().find(|member| member.address == name).expect("it is one of them");
                let (state, written) = state(of).await;
                let is_same = number(member, "state") == Some(state);
                if !is_same || written.is_some_and(|at| number(member, "optimeDate") != Some(at)) {
                    return false;
                }
            }
            true
        })
        .await;
    }

    async fn check(&self, recounts: &mut Recounts, state: &str, url: &str, from: &Member) {
        let mut watched = Watched::new(url, vec![]).await;
        self.settled(from).await;
        watched.check(recounts, state, from, async || self.series(from).await).await;
    }

    async fn check_primary(&self, recounts: &mut Recounts, state: &str) {
        self.check(recounts, state, &self.url(), self.primary().await).await;
    }

    /// Makes the last member apply everything an hour late.
    async fn delay_the_last(&self) {
        let primary = self.primary().await;
        let mut config = primary
            .run(doc! {"replSetGetConfig": 1})
            .await
            .get_document("config")
            .expect("it has one")
            .clone();
        let version = config.get_i32("version").expect("a number");
        config.insert("version", version + 1);
        let members = config.get_array_mut("members").expect("it has members");
        let last = members[2].as_document_mut().expect("a document");
        last.extend(doc! {"hidden": true, "secondaryDelaySecs": 3600});
        primary.run(doc! {"replSetReconfig": config}).await;
        until(PATIENCE, "the last member stays behind", async || {
            orders(&primary.client).insert_one(doc! {"late": true}).await.ok()?;
            let [first, last] = [primary, &self.members[2]].map(state);
            (first.await.1? >= last.await.1? + 2.0).then_some(())
        })
        .await;
    }

    async fn step_down(&self) {
        let before = self.primary().await;
        before.run(doc! {"replSetStepDown": 60}).await;
        eventually(PATIENCE, "another member is primary", async || {
            self.primary().await.address != before.address
        })
        .await;
        before.run(doc! {"replSetFreeze": 0}).await;
    }
}

pub(super) async fn of_set(recounts: &mut Recounts) {
    let mut scene = Scene::start().await;
    scene.check_primary(recounts, "a primary with two secondaries").await;
    let secondary = &scene.members[2];
    let url = format!("mongodb://root:secret@{}/?authSource=admin&directConnection=true", secondary.address);
    scene.check(recounts, "a secondary", &url, secondary).await;
    let primary = scene.primary().await;
    let mut watched = Watched::collecting(&scene.url(), vec![], collectors::OF_SET).await;
    let configured = async || {
        let mut all = scene.series(primary).await;
        all.extend(collectors::of_set(primary).await);
        all
    };
    watched.check(recounts, "the configuration of a set", primary, configured).await;
    drop(watched);
    role_without_rights(recounts, &scene).await;

    let primary = scene.primary().await;
    let mut session = primary.client.start_session().await.expect("it answers");
    session.start_transaction().await.expect("it is the first");
    orders(&primary.client).insert_one(doc! {"n": 1}).session(&mut session).await.expect("it takes it");
    scene.check_primary(recounts, "a transaction is open").await;
    session.abort_transaction().await.expect("it is open");

    scene.delay_the_last().await;
    scene.check_primary(recounts, "a member that lags").await;
    scene.set.members()[2].stop();
    scene.check_primary(recounts, "a member that hangs").await;
    scene.set.members()[2].resume();
    scene.check_primary(recounts, "it has come back").await;
    scene.step_down().await;
    scene.check_primary(recounts, "after a failover").await;
    scene.step_down().await;
    scene.check_primary(recounts, "after a failover back").await;
    scene.set.kill_primary().await;
    scene.check_primary(recounts, "the primary has died, and another member has taken over").await;
    scene.set.revive().await;
    scene.meet().await;
    scene.check_primary(recounts, "the dead member has been started again").await;
}

/// What a role does not allow is absent, and never 0.
async fn role_without_rights(recounts: &mut Recounts, scene: &Scene) {
    let primary = scene.primary().await;
    let allowed = doc! {"resource": {"cluster": true}, "actions": ["serverStatus"]};
    let privileges: Vec<Document> = vec![allowed];
    primary.run(doc! {"createRole": "half", "privileges": privileges, "roles": []}).await;
    primary.run(doc! {"createUser": "half", "pwd": "secret", "roles": ["half"]}).await;
    let url = format!("mongodb://half:secret@{}/?authSource=admin&directConnection=true", primary.address);
    let observation =
        source(&super::yaml(&url, "")).probe().await.unwrap_or_else(|problem| panic!("{problem}"));
    assert!(!observation.problems.is_empty());
    assert!(observation.problems.iter().all(|problem| problem.reason == Reason::Permission));
    let mut watched = Watched::new(&url, vec![]).await;
    watched.allows = |name| {
        ["mongodb_ss_", "mongodb_version", "mongodb_oplog_first"].iter().any(|of| name.starts_with(of))
    };
    watched.check(recounts, "a role that lacks most rights", primary, async || Series::new()).await;
}
