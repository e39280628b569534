//! The world as INSERT statements.

use super::super::postgres::insert;
use super::world::{COUNTERS, Event, Referral, Share, Transaction, User, World, email, id};

impl World {
    /// The statements that make the rows.
    pub fn inserts(&self) -> String {
        let users = self.users.iter().enumerate();
        let shares = self.shares.iter().enumerate();
        let stats = format!("user_usage_stats (userId, {}, lastActivityAt)", COUNTERS.join(", "));
        let likes =
            self.likes.iter().map(|(share, age)| format!("{share}, '{}', {}", id(0), self.time(*age)));
        [
            insert("users", users.clone().map(|(index, user)| self.account(index, user))),
            insert(&stats, users.filter_map(|(index, user)| self.counters(index, user))),
            insert(&stats, [row_of_counters("NULL", &self.counters_of_nobody, "NULL")].into_iter()),
            insert(
                "user_activity_logs (userId, action, feature, details, ipAddress, createdAt)",
                self.events.iter().map(|event| self.event(event)),
            ),
            insert("content_sessions", self.items(&self.sessions)),
            insert("media_vault", self.items(&self.media)),
            insert(
                "referrals (referrerId, refereeId, referralCode, creditsAwarded, createdAt)",
                self.referrals.iter().map(|referral| self.referral(referral)),
            ),
            insert(
                "credit_transactions (userId, type, credits, priceCents, createdAt)",
                self.transactions.iter().map(|transaction| self.transaction(transaction)),
            ),
            insert(
                "community_shares (id, userId, contentType, contentId, createdAt)",
                shares.map(|(index, share)| self.share(index, share)),
            ),
            insert("community_likes (shareId, userId, createdAt)", likes),
        ]
        .concat()
    }

    /// A point in time as SQL, in UTC as the application writes it.
    pub fn time(&self, age: u64) -> String {
        format!("timestamp 'epoch' + interval '{} seconds'", self.seconds(age))
    }

    fn account(&self, index: usize, User { tier, age, .. }: &User) -> String {
        let (id, email, tier, time) = (id(index), email(index), or_null(tier.as_ref()), self.time(*age));
        let avatar = format!("https://avatars.example.com/{index}.png");
        format!("'{id}', '{email}', 'First{index}', 'Last{index}', '{avatar}', {tier}, {time}")
    }

    fn counters(&self, index: usize, user: &User) -> Option<String> {
        let last = user.last_active.map_or("NULL".to_owned(), |age| self.time(age));
        Some(row_of_counters(&owner(Some(index)), user.counters.as_ref()?, &last))
    }

    fn event(&self, Event { user, action, feature, theme, age }: &Event) -> String {
        let details = theme.map(|theme| format!(r#"{{"theme": "{theme}", "length": 7}}"#));
        let (user, details, time) = (owner(*user), or_null(details.as_ref()), self.time(*age));
        format!("{user}, '{action}', '{feature}', {details}, '192.0.2.1', {time}")
    }

    /// Sessions or media.
    fn items(&self, rows: &[(Option<usize>, u64)]) -> impl Iterator<Item = String> {
        let item = |(index, (user, age)): (usize, &(Option<usize>, u64))| {
            format!("'item-{index}', {}, 'Name', {}", owner(*user), self.time(*age))
        };
        rows.iter().enumerate().map(item)
    }

    fn referral(&self, Referral { referrer, referee, credits, age }: &Referral) -> String {
        let (by, who, time) = (id(*referrer), id(*referee), self.time(*age));
        format!("'{by}', '{who}', 'CODE{referrer}', {credits}, {time}")
    }

    fn transaction(&self, Transaction { user, kind, credits, cents, age }: &Transaction) -> String {
        let (user, cents, time) = (id(*user), or_null(cents.as_ref()), self.time(*age));
        format!("'{user}', '{kind}', {credits}, {cents}, {time}")
    }

    fn share(&self, index: usize, Share { user, content, age }: &Share) -> String {
        format!("{index}, {}, '{content}', 'content-{index}', {}", owner(*user), self.time(*age))
    }
}

/// The key of an account as SQL, or of nobody.
fn owner(user: Option<usize>) -> String {
    or_null(user.map(id).as_ref())
}

fn row_of_counters(user: &str, counters: &[Option<u32>], last_active: &str) -> String {
    let counters: Vec<_> = counters.iter().map(|count| or_null(count.as_ref())).collect();
    format!("{user}, {}, {last_active}", counters.join(", "))
}

/// A value as SQL; PostgreSQL reads numbers in quotes too.
fn or_null(value: Option<impl std::fmt::Display>) -> String {
    value.map_or("NULL".to_owned(), |value| format!("'{value}'"))
}
