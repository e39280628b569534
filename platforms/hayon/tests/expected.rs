//! What follows from the documents of a world, without asking any database.

use super::super::exported::Values;
use testkit::hayon::world::{DAY, HOUR, MINUTE, PLATFORMS, Post, User, World, limits_of};

/// Every series of the pack that the database gives.
pub(super) fn answers(world: &World) -> Values {
    let mut series = answers_of_users(world);
    for (index, platform) in PLATFORMS.into_iter().enumerate() {
        let owned = || world.accounts.iter().zip(&world.users).filter(|(_, user)| !user.is_staff);
        let connections = || owned().map(|(account, _)| account[index]).filter(|c| c.connected);
        let label = format!("platform=\"{platform}\"");
        add(&mut series, "connected_accounts", &label, connections().count());
        let broken = connections().filter(|connection| connection.status != "active").count();
        add(&mut series, "connected_accounts_broken", &label, broken);
        let known = ["active", "expired", "revoked", "error"];
        for status in known {
            let there = connections().filter(|connection| connection.status == status).count();
            add(&mut series, "connections", &format!("{label},status=\"{status}\""), there);
        }
        let other = connections().filter(|connection| !known.contains(&connection.status)).count();
        add(&mut series, "connections", &format!("{label},status=\"other\""), other);
    }
    let waiting = || world.posts_of_customers().filter(|post| post.status == "SCHEDULED");
    add(&mut series, "scheduled_posts", "", waiting().count());
    let overdue = waiting().filter(|post| post.scheduled.is_some_and(|due| due > 5 * MINUTE)).count();
    add(&mut series, "scheduled_posts_overdue", "", overdue);
    if let Some(oldest) = waiting().filter_map(|post| post.scheduled).max().filter(|due| *due > 0) {
        let at = usize::try_from(world.now - oldest).unwrap();
        add(&mut series, "scheduled_posts_oldest_due_timestamp_seconds", "", at);
    }
    series.extend(answers_of_publishing(world));
    series
}

fn answers_of_publishing(world: &World) -> Values {
    let mut series = Values::new();
    for (window, length) in [("1h", HOUR), ("1d", DAY)] {
        let were_due = || {
            let posts = world.posts_of_customers().filter(|post| post.status != "DRAFT");
            posts.filter(move |post| (0..length).contains(&post.due()))
        };
        for status in
            ["SCHEDULED", "PENDING", "PROCESSING", "COMPLETED", "PARTIAL_SUCCESS", "FAILED", "CANCELLED"]
        {
            let label = format!("status=\"{status}\",window=\"{window}\"");
            add(&mut series, "posts", &label, were_due().filter(|post| post.status == status).count());
        }
        for platform in PLATFORMS {
            let all = || were_due().flat_map(|post| &post.publications).filter(|p| p.platform == platform);
            let mut put = |status: &str, holds: &dyn Fn(&str) -> bool| {
                let label = format!("platform=\"{platform}\",status=\"{status}\",window=\"{window}\"");
                add(&mut series, "publications", &label, all().filter(|p| holds(p.status)).count());
            };
            put("completed", &|status| status == "completed");
            put("failed", &|status| status == "failed");
            put("other", &|status| !["completed", "failed"].contains(&status));
        }
    }
    for status in ["PENDING", "PROCESSING"] {
        let is_stuck = |post: &&Post| {
            let attempted = post.publications.iter().filter_map(|publication| publication.attempted).min();
            post.status == status && attempted.unwrap_or_else(|| post.due()) > 15 * MINUTE
        };
        let stuck = world.posts_of_customers().filter(is_stuck).count();
        add(&mut series, "posts_stuck", &format!("status=\"{status}\""), stuck);
    }
    series
}

fn answers_of_users(world: &World) -> Values {
    let mut series = Values::new();
    for plan in ["free", "pro"] {
        let of_plan: Vec<&User> = world.customers().filter(|user| user.plan == plan).collect();
        let count = |holds: &dyn Fn(&User) -> bool| of_plan.iter().filter(|user| holds(user)).count();
        let sum =
            |value: &dyn Fn(&User) -> i32| -> i64 { of_plan.iter().map(|user| i64::from(value(user))).sum() };
        let mut put = |name: &str, label: &str, value: i64| {
            let label = if label.is_empty() { String::new() } else { format!(",{label}") };
            #[expect(clippy::cast_precision_loss, reason = "small")]
            series.insert(format!("hayon_{name}{{source=\"app-db\",plan=\"{plan}\"{label}}}"), value as f64);
        };
        let mut number =
            |name: &str, label: &str, value: usize| put(name, label, i64::try_from(value).unwrap());
        number("users", "state=\"active\"", count(&|user| !user.disabled));
        number("users", "state=\"inactive\"", count(&|user| user.disabled));
        number("users_paid", "", count(&|user| user.plan == "pro" && user.pays()));
        for (window, length) in [("1d", DAY), ("7d", 7 * DAY), ("30d", 30 * DAY)] {
            let new = count(&|user| user.registered < length);
            number("users_created", &format!("window=\"{window}\""), new);
        }
        let statuses = [
            ("active", "active"),
            ("past_due", "pastDue"),
            ("canceled", "cancelled"),
            ("other", "incomplete"),
        ];
        for (label, status) in statuses {
            let there = count(&|user| user.subscribed && user.status == status);
            number("subscriptions", &format!("status=\"{label}\""), there);
        }
        number("subscriptions_overdue", "", count(&|user| user.pays() && user.paid_until > DAY));
        // In tenths, without fractions: no rounding decides who is near.
        let limited = |limit: Option<i32>| limit.filter(|limit| *limit > 0);
        let near = |used: i32, limit| limited(limit).is_some_and(|limit| used * 10 >= limit * 8);
        let at = |used: i32, limit| limited(limit).is_some_and(|limit| used >= limit);
        let over = |used: i32, limit| limited(limit).is_some_and(|limit| used > limit);
        number("users_near_limit", "limit=\"posts\"", count(&|user| near(user.posts, user.limits.0)));
        number("users_near_limit", "limit=\"captions\"", count(&|user| near(user.captions, user.limits.1)));
        number("users_at_limit", "limit=\"posts\"", count(&|user| at(user.posts, user.limits.0)));
        number("users_at_limit", "limit=\"captions\"", count(&|user| at(user.captions, user.limits.1)));
        number("users_over_limit", "limit=\"posts\"", count(&|user| over(user.posts, user.limits.0)));
        number("users_over_limit", "limit=\"captions\"", count(&|user| over(user.captions, user.limits.1)));
        number("users_off_plan_limits", "", count(&|user| user.limits != limits_of(user.plan)));
        put("posts_created", "", sum(&|user| user.posts));
        put("captions_generated", "", sum(&|user| user.captions));
        put("posts_allowed", "", sum(&|user| limited(user.limits.0).unwrap_or(0)));
        put("captions_allowed", "", sum(&|user| limited(user.limits.1).unwrap_or(0)));
        let used = |used: i32, limit| limited(limit).map_or(0, |_| used);
        put("limited_posts_created", "", sum(&|user| used(user.posts, user.limits.0)));
        put("limited_captions_generated", "", sum(&|user| used(user.captions, user.limits.1)));
    }
    series
}

fn add(series: &mut Values, name: &str, label: &str, value: usize) {
    let label = if label.is_empty() { String::new() } else { format!(",{label}") };
    #[expect(clippy::cast_precision_loss, reason = "small")]
    series.insert(format!("hayon_{name}{{source=\"app-db\"{label}}}"), value as f64);
}
