//! What follows from the documents of a world, without asking any database.

use super::super::exported::Values;
use testkit::hayon::world::{DAY, MINUTE, PLATFORMS, User, World, limits_of};

/// Every series of the pack that the database gives.
pub(super) fn answers(world: &World) -> Values {
    let mut series = answers_of_users(world);
    for (index, platform) in PLATFORMS.into_iter().enumerate() {
        let connections = || world.accounts.iter().map(|account| account[index]).filter(|c| c.connected);
        let label = format!("platform=\"{platform}\"");
        add(&mut series, "connected_accounts", &label, connections().count());
        let broken = connections().filter(|connection| connection.status != "active").count();
        add(&mut series, "connected_accounts_broken", &label, broken);
    }
    let waiting = || world.posts.iter().filter(|post| post.status == "SCHEDULED");
    add(&mut series, "scheduled_posts", "", waiting().count());
    let overdue = waiting().filter(|post| post.due.is_some_and(|due| due > 5 * MINUTE)).count();
    add(&mut series, "scheduled_posts_overdue", "", overdue);
    if let Some(oldest) = waiting().filter_map(|post| post.due).max().filter(|due| *due > 0) {
        let at = usize::try_from(world.now - oldest).unwrap();
        add(&mut series, "scheduled_posts_oldest_due_timestamp_seconds", "", at);
    }
    series
}

fn answers_of_users(world: &World) -> Values {
    let mut series = Values::new();
    for plan in ["free", "pro"] {
        let of_plan: Vec<&User> = world.users.iter().filter(|user| user.plan == plan).collect();
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
        let near = |used: i32, limit: i32| limit > 0 && used * 10 >= limit * 8;
        let at = |used: i32, limit: i32| limit > 0 && used >= limit;
        number("users_near_limit", "limit=\"posts\"", count(&|user| near(user.posts, user.limits.0)));
        number("users_near_limit", "limit=\"captions\"", count(&|user| near(user.captions, user.limits.1)));
        number("users_at_limit", "limit=\"posts\"", count(&|user| at(user.posts, user.limits.0)));
        number("users_at_limit", "limit=\"captions\"", count(&|user| at(user.captions, user.limits.1)));
        number("users_off_plan_limits", "", count(&|user| user.limits != limits_of(user.plan)));
        put("posts_created", "", sum(&|user| user.posts));
        put("captions_generated", "", sum(&|user| user.captions));
        put("posts_allowed", "", sum(&|user| user.limits.0.max(0)));
        put("captions_allowed", "", sum(&|user| user.limits.1.max(0)));
    }
    series
}

fn add(series: &mut Values, name: &str, label: &str, value: usize) {
    let label = if label.is_empty() { String::new() } else { format!(",{label}") };
    #[expect(clippy::cast_precision_loss, reason = "small")]
    series.insert(format!("hayon_{name}{{source=\"app-db\"{label}}}"), value as f64);
}
