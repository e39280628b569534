//! With names hidden, nothing in the tables and in the CSV file says who an account belongs to.

use std::collections::BTreeMap;

use regex::Regex;

use super::tables::somebody;
use super::viewer::{Row, Viewer, text};
use super::{DOCUMENT, Deployment, EXPORT, Spelling};
use testkit::joip::world::World;

/// What stands in the rows about people: ids, names, addresses, pictures, codes, details.
fn personal() -> Regex {
    Regex::new("user-|user[0-9]|First|Last[0-9]|@|example|CODE|length").unwrap()
}

fn is_pseudonym(text: &str) -> bool {
    Regex::new("^anon-[0-9a-f]{12}$").unwrap().is_match(text)
}

#[tokio::test]
async fn pseudonyms_stand_for_the_same_accounts_in_every_table() {
    let world = World::populated();
    let deployment = Deployment::of(&world, Spelling::Folded).await;
    let mut viewer = Viewer::of(&deployment, &world, "");
    let shown = viewer.all();
    viewer.names = "hidden";
    let hidden = viewer.all();
    // The id of an account for each pseudonym, from all tables.
    let mut accounts: BTreeMap<String, String> = BTreeMap::new();
    for (title, rows) in &hidden {
        let text_of = |rows: &[Row]| serde_json::to_string(rows).unwrap();
        assert!(!personal().is_match(&text_of(rows)), "{title}: {}", text_of(rows));
        assert_eq!(rows.len(), shown[title].len(), "{title}");
        for (hidden, shown) in rows.iter().zip(&shown[title]) {
            for column in
                ["id", "referrer", "referee"].into_iter().filter(|column| shown.contains_key(*column))
            {
                let pseudonym = text(hidden, column);
                assert!(is_pseudonym(&pseudonym), "{title}: {pseudonym}");
                let account = text(shown, column);
                let known = accounts.entry(pseudonym).or_insert_with(|| account.clone());
                assert_eq!(*known, account, "{title}");
            }
        }
    }
    assert!(accounts.len() > 200, "{}", accounts.len());
    assert_eq!(
        shown["Most active users"].iter().filter(|row| personal().is_match(&text(row, "id"))).count(),
        100
    );

    // A click on a pseudonym, and an e-mail address, select the user.
    let id = viewer.user.clone();
    let email = testkit::joip::world::email(somebody(&world));
    let (pseudonym, _) = accounts.iter().find(|(_, account)| **account == id).unwrap();
    for user in [pseudonym.clone(), email] {
        viewer.user = user;
        assert_eq!(viewer.rows("User counters"), hidden["User counters"]);
        assert_eq!(viewer.rows("Recent user activity"), hidden["Recent user activity"]);
    }

    // Another key, other pseudonyms; without the key, nobody can compute them from ids.
    let mut other = Viewer::of(&deployment, &world, "    pseudonym_key: something else\n");
    other.names = "hidden";
    assert!(other.rows("Most active users").iter().all(|row| !accounts.contains_key(&text(row, "id"))));
}

/// As long as the role may read names, a viewer can show them. The documented view takes that away.
#[tokio::test]
async fn a_view_without_names_serves_every_table() {
    let world = World::populated();
    let deployment = Deployment::of(&world, Spelling::Folded).await;
    let (_, rest) = DOCUMENT.split_once("-- Only pseudonyms\n").unwrap();
    deployment.run(rest.split_once("```").unwrap().0).await;
    let viewer = Viewer::of(&deployment, &world, "    users: users_without_names\n");
    let personal = Regex::new("First|Last[0-9]|@").unwrap();
    for (title, rows) in viewer.all() {
        assert!(!rows.is_empty(), "{title}");
        let text = serde_json::to_string(&rows).unwrap();
        assert!(!personal.is_match(&text), "{title}: {text}");
    }
    let names = "SET ROLE grafana_joip; SELECT email FROM users";
    assert!(deployment.postgres.try_sql(names).await.unwrap_err().contains("permission denied"));
}

#[tokio::test]
async fn the_export_has_every_account() {
    let world = World::populated();
    for spelling in [Spelling::Folded, Spelling::Quoted, Spelling::Snake] {
        let deployment = Deployment::of(&world, spelling).await;
        // More than the pages of a table have, and longer than a viewer may ask.
        deployment.run("ALTER TABLE user_usage_stats ADD COLUMN captionThemeTeasE INTEGER DEFAULT 2").await;
        let export = |variables: &[&str]| deployment.psql("grafana_joip", EXPORT, variables);
        let shown = export(&[]);
        let (header, rows) = shown.split_once('\n').unwrap();
        let columns: Vec<_> = header.split(',').collect();
        let fixed = "account,email,first_name,last_name,avatar,created,activity_score,";
        assert!(header.starts_with(fixed), "{header}");
        let plain = |name: &str| name.to_lowercase().replace('_', "");
        let known: Vec<_> = columns.iter().map(|column| plain(column)).collect();
        for column in
            testkit::joip::world::COUNTERS.into_iter().chain(["lastActivityAt", "captionThemeTeasE"])
        {
            assert!(known.contains(&plain(column)), "{column}: {header}");
        }
        assert!(!known.contains(&"userid".to_owned()) && !known.contains(&"id".to_owned()), "{header}");
        let score = columns.iter().position(|column| *column == "activity_score").unwrap();
        let found: BTreeMap<_, f64> = rows
            .lines()
            .map(|row| row.split(',').collect::<Vec<_>>())
            .map(|cells| (cells[0], cells[score].parse().unwrap()))
            .collect();
        assert_eq!(found.len(), world.users.len());
        for (index, user) in world.users.iter().enumerate() {
            let id = testkit::joip::world::id(index);
            assert!((found[id.as_str()] - super::answers::score(user)).abs() < 0.5, "{id}");
        }

        let hidden = export(&["names=hidden"]);
        assert_eq!(hidden.lines().count(), shown.lines().count());
        assert!(hidden.starts_with("account,created,activity_score,"), "{hidden}");
        let (_, rows) = hidden.split_once('\n').unwrap();
        assert!(rows.lines().all(|row| is_pseudonym(row.split(',').next().unwrap())), "{rows}");
        assert!(!personal().is_match(rows));
        // The same as in the tables.
        let mut viewer = Viewer::of(&deployment, &world, "");
        viewer.names = "hidden";
        let first = text(&viewer.rows("Most active users")[0], "id");
        assert!(rows.lines().any(|row| row.starts_with(&first)), "{first}");
        assert!(!export(&["names=hidden", "key=other"]).contains(&first));
    }
}
