//! The tables of single users, run as Grafana's role, have what the rows say.

use std::collections::{BTreeMap, BTreeSet};

use super::answers::{counter, repeated, score};
use super::viewer::{Row, Viewer, number, text, time};
use super::{Deployment, Spelling};
use testkit::joip::world::{COUNTERS, DAY, Event, World, email, id};

/// The values of the variable `sort`, the counter for each, and whether the log has it.
const SORTS: [(&str, &str, bool); 19] = [
    ("session_created", "sessionsCreated", true),
    ("session_viewed", "sessionsViewed", true),
    ("session_edited", "sessionsEdited", true),
    ("session_deleted", "sessionsDeleted", true),
    ("session_shared", "sessionsShared", true),
    ("session_favorited", "sessionsFavorited", true),
    ("smart_caption_generated", "smartCaptionsGenerated", true),
    ("custom_caption_created", "customCaptionsGenerated", true),
    ("babecock_created", "babecockImagesCreated", true),
    ("babecock_remix", "babecockRemixesCreated", true),
    ("media_uploaded", "mediaUploaded", true),
    ("media_deleted", "mediaDeleted", true),
    ("media_shared", "mediaShared", true),
    ("media_downloaded", "mediaDownloaded", true),
    ("bulk_download", "bulkDownloads", true),
    ("logins", "loginCount", false),
    ("pages_viewed", "pagesViewed", false),
    ("api_calls", "apiCallsTotal", false),
    ("time_spent", "timeSpentMinutes", false),
];

const SCORED: [&str; 5] = [
    "session_created",
    "smart_caption_generated",
    "custom_caption_created",
    "babecock_created",
    "media_uploaded",
];

/// The largest first, then by score, and by id where both are the same.
fn largest(users: impl Iterator<Item = (usize, f64, f64)>, limit: usize) -> Vec<(String, f64)> {
    let mut users: Vec<_> = users.map(|(user, value, score)| (id(user), value, score)).collect();
    users.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.2.total_cmp(&a.2)).then_with(|| a.0.cmp(&b.0)));
    users.truncate(limit);
    users.into_iter().map(|(user, value, _)| (user, value)).collect()
}

fn pairs(rows: &[Row], key: &str, value: &str) -> Vec<(String, f64)> {
    rows.iter().map(|row| (text(row, key), number(row, value))).collect()
}

/// How many of each there are.
fn counts<K: Ord>(keys: impl Iterator<Item = K>) -> BTreeMap<K, f64> {
    keys.fold(BTreeMap::new(), |mut counts, key| {
        *counts.entry(key).or_default() += 1.0;
        counts
    })
}

/// The values of rows with the same key added up.
fn sums(rows: &[Row], key: &str, value: &str) -> BTreeMap<String, f64> {
    rows.iter().fold(BTreeMap::new(), |mut sums, row| {
        *sums.entry(text(row, key)).or_default() += number(row, value);
        sums
    })
}

fn recent(world: &World) -> impl Iterator<Item = &Event> + Clone {
    world.events.iter().filter(|event| event.age < 30 * DAY)
}

/// An account with counters and with events.
pub(super) fn somebody(world: &World) -> usize {
    let mut users = world.users.iter().enumerate().filter(|(_, user)| user.counters.is_some());
    let is_busy = |user: usize| recent(world).filter(|event| event.user == Some(user)).count() > 1;
    users.find(|(user, _)| is_busy(*user)).unwrap().0
}

#[tokio::test]
async fn the_tables_have_what_the_rows_say() {
    let world = World::populated();
    let deployment = Deployment::of(&world, Spelling::Folded).await;
    let viewer = Viewer::of(&deployment, &world, "");
    check_people(&viewer, &world);
    check_one_user(&viewer, &world);
    check_features(&viewer, &world);
    check_referrals_and_community(&viewer, &world);
}

/// Under whatever names the columns have.
#[tokio::test]
async fn the_tables_follow_the_names_of_columns() {
    for spelling in [Spelling::Quoted, Spelling::Snake] {
        let world = World::populated();
        let deployment = Deployment::of(&world, spelling).await;
        let viewer = Viewer::of(&deployment, &world, "");
        let tables = viewer.all();
        assert_eq!(tables.len(), 11, "{:?}", tables.keys());
        assert!(tables.values().all(|rows| !rows.is_empty()));
        check_people(&viewer, &world);
    }
}

/// The first hundred by any activity, of all accounts; an account with a low score is first if it does this most.
#[tokio::test]
async fn all_users_are_sorted_by_any_activity() {
    let world = World::populated();
    let deployment = Deployment::of(&world, Spelling::Folded).await;
    let mut viewer = Viewer::of(&deployment, &world, "");
    let scores: BTreeMap<_, _> = in_range(&world, |event| SCORED.contains(&event.action));
    let everybody: BTreeSet<_> = recent(&world).filter_map(|event| event.user).collect();
    let mut orders = BTreeSet::new();
    for (sort, column, is_logged) in SORTS {
        viewer.sort = sort;
        let tracked = world.users.iter().enumerate().filter(|(_, user)| user.counters.is_some());
        let users = tracked.map(|(index, user)| (index, counter(user, column), score(user)));
        let found = pairs(&viewer.rows("Most active users"), "id", "sorted_by");
        assert_eq!(found, largest(users, 100), "{sort}");
        orders.insert(found.into_iter().map(|(id, _)| id).collect::<Vec<_>>());

        let chosen = in_range(&world, |event| is_logged && event.action == sort);
        let of = |counts: &BTreeMap<usize, f64>, user: usize| counts.get(&user).copied().unwrap_or(0.0);
        let users = everybody.iter().map(|user| (*user, of(&chosen, *user), of(&scores, *user)));
        let found = viewer.rows("Most active users in the selected time range");
        assert_eq!(pairs(&found, "id", "sorted_by"), largest(users, 100), "{sort}");
    }
    assert_eq!(orders.len(), SORTS.len());

    viewer.sort = "last_activity";
    for title in ["Most active users", "Most active users in the selected time range"] {
        let rows = viewer.rows(title);
        let times: Vec<_> = rows.iter().map(|row| time(row, "last_activity")).collect();
        assert!(times.is_sorted_by(|a, b| a >= b), "{title}: {times:?}");
        let newest = match title {
            "Most active users" => world
                .users
                .iter()
                .filter(|user| user.counters.is_some())
                .filter_map(|user| user.last_active)
                .min(),
            _ => recent(&world).filter(|event| event.user.is_some()).map(|event| event.age).min(),
        };
        assert_eq!(times[0], world.seconds(newest.unwrap()), "{title}");
    }
}

/// The recent events of each account that are of one sort.
fn in_range(world: &World, is_meant: impl Fn(&Event) -> bool) -> BTreeMap<usize, f64> {
    counts(recent(world).filter(|event| is_meant(event)).filter_map(|event| event.user))
}

fn check_people(viewer: &Viewer<'_>, world: &World) {
    let tracked = world.users.iter().enumerate().filter(|(_, user)| user.counters.is_some());
    let scores = tracked.map(|(index, user)| (index, score(user), 0.0));
    let rows = viewer.rows("Most active users");
    assert_eq!(pairs(&rows, "id", "activity_score"), largest(scores, 100));
    for row in &rows {
        let index: usize = text(row, "id")[5..].parse().unwrap();
        assert_eq!(text(row, "name"), format!("First{index} Last{index}"));
        assert_eq!(text(row, "email"), email(index));
        assert_eq!(text(row, "avatar"), format!("https://avatars.example.com/{index}.png"));
        let last_active = world.users[index].last_active.map(|age| world.seconds(age));
        assert_eq!((!row["last_activity"].is_null()).then(|| time(row, "last_activity")), last_active);
    }

    let scores = in_range(world, |event| SCORED.contains(&event.action));
    let all = in_range(world, |_| true);
    let score = |user: usize| scores.get(&user).copied().unwrap_or(0.0);
    let rows = viewer.rows("Most active users in the selected time range");
    let expected = largest(all.keys().map(|user| (*user, score(*user), 0.0)), 100);
    assert_eq!(pairs(&rows, "id", "activity_score"), expected);
    for row in &rows {
        assert!((number(row, "events") - all[&text(row, "id")[5..].parse().unwrap()]).abs() < 0.5, "{row:?}");
    }
}

fn check_one_user(viewer: &Viewer<'_>, world: &World) {
    let rows = viewer.rows("User counters");
    let counters: BTreeMap<_, _> =
        rows.iter().map(|row| (text(row, "counter"), text(row, "value"))).collect();
    let user = somebody(world);
    assert!(rows.iter().all(|row| text(row, "id") == id(user)));
    for (column, value) in COUNTERS.iter().zip(world.users[user].counters.as_ref().unwrap()) {
        let value = value.map(|value| value.to_string());
        assert_eq!(counters.get(&column.to_lowercase()), value.as_ref(), "{column}");
    }
    let mut events: Vec<_> = recent(world).filter(|event| event.user == Some(user)).collect();
    events.sort_by_key(|event| (event.age, event.action));
    let mut found: Vec<_> = viewer
        .rows("Recent user activity")
        .iter()
        .map(|row| (time(row, "time"), text(row, "action")))
        .collect();
    found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let expected: Vec<_> =
        events.iter().map(|event| (world.seconds(event.age), event.action.to_owned())).collect();
    assert_eq!(found, expected);

    let rows = viewer.rows("Events tracked twice");
    let of_last_day = recent(world).filter(|event| event.age < DAY);
    let mut expected: Vec<_> = repeated(of_last_day).into_iter().collect();
    expected.sort_by_key(|((_, _, _, age), _)| *age);
    let times: Vec<_> = rows.iter().map(|row| time(row, "time")).collect();
    let newest = expected.iter().map(|((_, _, _, age), _)| world.seconds(*age));
    assert!(expected.len() > 10);
    assert_eq!(times, newest.collect::<Vec<_>>());
    assert!(rows.iter().all(|row| number(row, "times") >= 2.0));
}

fn check_features(viewer: &Viewer<'_>, world: &World) {
    let rows = viewer.rows("Events by day and feature");
    assert_eq!(sums(&rows, "metric", "events"), counts(recent(world).map(|event| event.feature.to_owned())));
    assert!(rows.iter().all(|row| time(row, "time") % 86_400 == 0));

    let rows = viewer.rows("Users by feature and action");
    let events = counts(recent(world).map(|event| event.action.to_owned()));
    assert_eq!(sums(&rows, "action", "events"), events);
    let users: BTreeSet<_> =
        recent(world).filter_map(|event| Some((event.action.to_owned(), event.user?))).collect();
    let users = counts(users.into_iter().map(|(action, _)| action));
    assert_eq!(sums(&rows, "action", "users"), users);

    for (title, action, value) in [
        ("Captions by theme", "smart_caption_generated", "captions"),
        ("Themes selected", "theme_selected", "selections"),
    ] {
        let rows = viewer.rows(title);
        let events = recent(world).filter(|event| event.action == action);
        let themes = counts(events.clone().map(|event| event.theme.unwrap_or("none").to_owned()));
        assert_eq!(sums(&rows, "metric", value), themes, "{title}");
        let days: BTreeSet<_> = events.map(|event| world.seconds(event.age) / 86_400).collect();
        let found: BTreeSet<_> = rows.iter().map(|row| time(row, "time") / 86_400).collect();
        assert_eq!(found, days, "{title}");
    }
}

fn check_referrals_and_community(viewer: &Viewer<'_>, world: &World) {
    let mut referrals: Vec<_> = world.referrals.iter().filter(|row| row.age < 30 * DAY).collect();
    referrals.sort_by_key(|row| (row.age, id(row.referee)));
    let rows = viewer.rows("Recent referrals");
    let found: Vec<_> = rows
        .iter()
        .map(|row| [text(row, "referrer_email"), text(row, "referee_email"), text(row, "code")])
        .collect();
    let expected = referrals
        .iter()
        .map(|row| [email(row.referrer), email(row.referee), format!("CODE{}", row.referrer)]);
    assert_eq!(found, expected.take(50).collect::<Vec<_>>());

    let shares = world.shares.iter().enumerate().filter(|(_, share)| share.age < 30 * DAY);
    let shared = counts(shares.clone().filter_map(|(_, share)| share.user));
    let rows = viewer.rows("Top contributors");
    let top = largest(shared.into_iter().map(|(user, shares)| (user, shares, 0.0)), 20);
    let found: Vec<_> =
        rows.iter().map(|row| (text(row, "id"), number(row, "sessions") + number(row, "media"))).collect();
    assert_eq!(found, top);
    for row in &rows {
        let of_user = shares.clone().filter(|(_, share)| share.user.map(id) == Some(text(row, "id")));
        let media = of_user.clone().filter(|(_, share)| share.content == "media").map(|_| ());
        assert_eq!(number(row, "media"), counts(media).get(&()).copied().unwrap_or(0.0));
        let liked: BTreeSet<_> = of_user.map(|(index, _)| index).collect();
        let likes = counts(world.likes.iter().filter(|(share, _)| liked.contains(share)).map(|_| ()));
        assert_eq!(number(row, "likes"), likes.get(&()).copied().unwrap_or(0.0));
    }
}
