//! What the rows of a [`World`] come to, worked out without a database.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::super::exported::Values;
use testkit::hivesync::world::{Job, Session, USERS, World};

/// The price of each kind of GPU instance.
pub(super) const GPU_PRICES: [(&str, &str, f64); 3] =
    [("g5.xlarge", "on-demand", 1.2), ("g5.xlarge", "spot", 0.4), ("p4d.24xlarge", "on-demand", 32.0)];

pub(super) const INPUT_PRICE: f64 = 0.5;
pub(super) const OUTPUT_PRICE: f64 = 1.5;
pub(super) const ASSUMED: (u64, u64) = (700, 300);

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const MONTH: i64 = 30 * DAY;
const STATES: [&str; 4] = ["paid", "free", "trial", "trial_expired"];
const CLASSES: [&str; 3] = ["provider_error", "timeout", "safety_rejection"];

/// The devices of users with a WebSocket and no heartbeat, as [`super::values`] names them.
pub(super) const SOCKETS_ALONE: &str = "hivesync_online_devices{device=\"unknown\",of=\"sockets\"}";

/// Everything that the pack exports.
pub(super) fn answers(world: &World) -> Values {
    let mut values = Values::new();
    online(world, &mut values);
    accounts(world, &mut values);
    requests(world, &mut values);
    errors(world, &mut values);
    tokens(world, &mut values);
    previews(world, &mut values);
    for (queue, jobs) in [("ai", &world.requests), ("preview", &world.previews)] {
        latency(queue, jobs, &mut values);
    }
    logs(world, &mut values);
    let mut set = |series: &str, value| values.insert(series.to_owned(), value);
    set("hivesync_queue_depth{queue=\"ai\"}", count(world.ai_queue));
    set("hivesync_queue_depth{queue=\"preview\"}", count(world.preview_queue));
    for (instance_type, lifecycle, price) in GPU_PRICES {
        let labels = format!("instance_type=\"{instance_type}\",lifecycle=\"{lifecycle}\",workers=\"fleet\"");
        set(&format!("hivesync_gpu_hour_price{{{labels}}}"), price);
    }
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    set("hivesync_projects", world.projects as f64);
    values
}

#[expect(clippy::cast_precision_loss, reason = "a small number")]
fn count(count: usize) -> f64 {
    count as f64
}

fn online(world: &World, values: &mut Values) {
    let alive = |session: &&Session| session.heartbeat.is_some_and(|age| age <= 2 * MINUTE);
    let alive: Vec<(usize, &Session)> =
        world.sessions.iter().enumerate().filter(|(_, session)| alive(session)).collect();
    let viewing = alive.iter().filter(|(_, session)| session.kind == "live_view").count();
    let alive: Vec<_> = alive.into_iter().filter(|(_, session)| world.counts(session.user)).collect();
    let beating: HashSet<u64> = alive.iter().map(|(_, session)| session.user).collect();
    let sockets: HashSet<u64> = world.sockets.iter().copied().filter(|user| world.counts(*user)).collect();
    let mut set = |series: &str, value| values.insert(series.to_owned(), count(value));
    set("hivesync_online_users", beating.union(&sockets).count());
    set("hivesync_websockets", world.sockets.len());
    set("hivesync_heartbeat_users", beating.len());
    set("hivesync_live_view_sessions", viewing);
    set(SOCKETS_ALONE, sockets.difference(&beating).count());
    for (device, spelt) in [
        ("desktop", &[Some("desktop"), Some("Desktop")][..]),
        ("ipad", &[Some("iPad")]),
        ("phone", &[Some("phone")]),
        ("unknown", &[Some("tv"), None]),
    ] {
        let of_type = alive.iter().filter(|(_, session)| spelt.contains(&session.device_type));
        let devices: HashSet<_> = of_type
            .map(|(row, session)| session.device.map_or_else(|| format!("row {row}"), |id| id.to_string()))
            .collect();
        set(&format!("hivesync_online_devices{{device=\"{device}\"}}"), devices.len());
    }
    let joined = |within: i64| {
        world.sessions.iter().filter(|row| row.kind == "live_view" && row.age <= within).count()
    };
    set("hivesync_live_view_joins{window=\"1h\"}", joined(HOUR));
    set("hivesync_live_view_joins{window=\"1d\"}", joined(DAY));
}

/// What each user pays. Who cancels a trial has not paid; who cancels anything else has.
fn states(world: &World) -> HashMap<u64, &'static str> {
    let mut rank: HashMap<u64, usize> = HashMap::new();
    for row in &world.subscriptions {
        let ended = row.trial_ended.is_some_and(|age| age >= 0);
        let of_row = match (row.plan, row.status) {
            ("free", _) => continue,
            (_, "active" | "past_due") => 4,
            (_, "trialing") if !ended => 3,
            (_, "canceled" | "cancelled") if row.trial_ended.is_none() => 2,
            _ => 1,
        };
        let best = rank.entry(row.user).or_default();
        *best = of_row.max(*best);
    }
    let name =
        |user: u64| ["free", "trial_expired", "free", "trial", "paid"][rank.get(&user).copied().unwrap_or(0)];
    (1..=USERS).filter(|user| world.counts(*user)).map(|user| (user, name(user))).collect()
}

fn accounts(world: &World, values: &mut Values) {
    let states = states(world);
    let mut by_state = |name: &str, labels: &[(&str, &str)], users: &BTreeSet<u64>| {
        for state in STATES {
            let mut labels: Vec<_> = labels.iter().copied().chain([("plan_state", state)]).collect();
            labels.sort_unstable();
            let labels: Vec<_> = labels.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
            let number = users.iter().filter(|user| states[*user] == state).count();
            values.insert(format!("{name}{{{}}}", labels.join(",")), count(number));
        }
    };
    by_state("hivesync_users", &[], &states.keys().copied().collect());
    for (window, within) in [("1d", DAY), ("30d", MONTH)] {
        let of_kind = |kind: &'static str| {
            world.sessions.iter().filter(move |row| row.kind == kind).map(|row| (row.user, row.age))
        };
        let of_jobs = |jobs: &'static str| {
            let jobs = if jobs == "ai" { &world.requests } else { &world.previews };
            jobs.iter().map(|job| (job.user, job.age))
        };
        let recent = |events: &mut dyn Iterator<Item = (u64, i64)>| -> BTreeSet<u64> {
            events.filter(|(user, age)| *age <= within && world.counts(*user)).map(|(user, _)| user).collect()
        };
        let activities = [
            ("login", recent(&mut of_kind("login"))),
            ("live_view", recent(&mut of_kind("live_view"))),
            ("ai", recent(&mut of_jobs("ai"))),
            ("preview", recent(&mut of_jobs("preview"))),
        ];
        for (activity, users) in &activities {
            by_state("hivesync_users_by_activity", &[("activity", activity), ("window", window)], users);
        }
        let active = activities.into_iter().flat_map(|(_, users)| users).collect();
        by_state("hivesync_active_users", &[("window", window)], &active);
    }
}

fn within(jobs: &[Job], window: i64) -> impl Iterator<Item = &Job> {
    jobs.iter().filter(move |job| job.age <= window)
}

fn requests(world: &World, values: &mut Values) {
    for (window, length) in [("1m", MINUTE), ("1h", HOUR), ("1d", DAY)] {
        let number = within(&world.requests, length).count();
        values.insert(format!("hivesync_ai_requests{{window=\"{window}\"}}"), count(number));
    }
    let mut per_user: HashMap<u64, usize> = HashMap::new();
    let of_users = within(&world.requests, DAY).filter(|job| world.counts(job.user));
    of_users.for_each(|job| *per_user.entry(job.user).or_default() += 1);
    let mut sorted: Vec<f64> = per_user.into_values().map(count).collect();
    sorted.sort_by(f64::total_cmp);
    for (stat, share) in [("median", 0.5), ("p90", 0.9), ("max", 1.0)] {
        let series = format!("hivesync_ai_requests_per_user{{stat=\"{stat}\",window=\"1d\"}}");
        values.insert(series, quantile(&sorted, share));
    }
}

/// The value below which this share of the values is, between two neighbours in proportion.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = share * count(sorted.len() - 1);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the rank of an element")]
    let (below, above) = (rank.floor() as usize, rank.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * rank.fract()
}

fn errors(world: &World, values: &mut Values) {
    for (window, length) in [("1h", HOUR), ("1d", DAY)] {
        let failed: Vec<&Job> =
            within(&world.requests, length).filter(|job| job.status == "failed").collect();
        for class in CLASSES.into_iter().chain(["other"]) {
            let of_class = failed
                .iter()
                .filter(|job| job.class.filter(|class| CLASSES.contains(class)).unwrap_or("other") == class);
            let series = format!("hivesync_ai_errors{{class=\"{class}\",window=\"{window}\"}}");
            values.insert(series, count(of_class.count()));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn tokens(world: &World, values: &mut Values) {
    let used = within(&world.requests, MONTH).map(|job| match (job.tokens, job.status) {
        (Some(tokens), _) => tokens,
        (None, "completed") => ASSUMED,
        (None, _) => (0, 0),
    });
    let (input, output) = used.fold((0, 0), |sum, used| (sum.0 + used.0, sum.1 + used.1));
    let (input, output) = (input as f64, output as f64);
    let mut set = |series: &str, value| values.insert(series.to_owned(), value);
    set("hivesync_ai_tokens{direction=\"input\",window=\"30d\"}", input);
    set("hivesync_ai_tokens{direction=\"output\",window=\"30d\"}", output);
    let cost = (input * INPUT_PRICE + output * OUTPUT_PRICE) / 1e6;
    set("hivesync_ai_token_cost_estimate{window=\"30d\"}", cost);
}

fn previews(world: &World, values: &mut Values) {
    for (window, length) in [("1h", HOUR), ("1d", DAY)] {
        let number = within(&world.previews, length).count();
        values.insert(format!("hivesync_preview_requests{{window=\"{window}\"}}"), count(number));
        let failed = within(&world.previews, length).filter(|job| job.status == "failed").count();
        values.insert(format!("hivesync_preview_failures{{window=\"{window}\"}}"), count(failed));
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a few seconds")]
fn latency(queue: &str, jobs: &[Job], values: &mut Values) {
    for (window, length) in [("1m", MINUTE), ("15m", 15 * MINUTE), ("1h", HOUR)] {
        let completed = jobs.iter().filter(|job| job.status == "completed");
        let took: Vec<f64> = completed
            .filter_map(|job| Some((job.age, job.took?)))
            .filter(|(age, took)| age * 1000 - took <= length * 1000)
            .map(|(_, took)| took as f64 / 1000.0)
            .collect();
        let labels = format!("queue=\"{queue}\",window=\"{window}\"");
        if window == "1h" {
            values.insert(format!("hivesync_jobs_completed{{{labels}}}"), count(took.len()));
        }
        if !took.is_empty() {
            let average = took.iter().sum::<f64>() / count(took.len());
            values.insert(format!("hivesync_job_latency_seconds{{{labels}}}"), average);
        }
    }
}

fn logs(world: &World, values: &mut Values) {
    let failed = world.ai_log.iter().filter(|(event, ..)| *event == "ai.error");
    let classes: BTreeSet<&str> =
        CLASSES.into_iter().chain(failed.clone().map(|(_, class, _)| *class)).collect();
    for class in classes {
        let of_class: Vec<i64> =
            failed.clone().filter(|(_, of, _)| *of == class).map(|(.., age)| *age).collect();
        let recent = of_class.iter().filter(|age| **age <= DAY).count();
        values.insert(format!("hivesync_ai_log_errors_total{{class=\"{class}\"}}"), count(of_class.len()));
        values.insert(format!("hivesync_ai_log_errors{{class=\"{class}\",window=\"1d\"}}"), count(recent));
    }
    let failed = || world.preview_log.iter().filter(|(event, _)| *event == "preview.failed");
    values.insert("hivesync_preview_log_failures_total".to_owned(), count(failed().count()));
    let recent = failed().filter(|(_, age)| *age <= DAY).count();
    values.insert("hivesync_preview_log_failures{window=\"1d\"}".to_owned(), count(recent));
}
