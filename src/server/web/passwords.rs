//! `basic_auth_users`: passwords are checked against bcrypt hashes, which is slow on purpose. So one check runs at a
//! time, off the runtime's threads, and a correct password is remembered: guessing uses at most one core, and does not
//! delay known users.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use parking_lot::Mutex;
use ring::hmac;
use ring::rand::SystemRandom;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

/// Maximum number of waiting checks per address; further ones are asked to retry.
const WAITING: usize = 8;
/// A hash that takes minutes to check is of no use.
const LARGEST_COST: u32 = 20;

/// A bcrypt hash.
#[derive(Clone, serde::Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Hash(String);

/// Why a hash was rejected.
#[derive(Debug, thiserror::Error)]
pub(super) enum HashError {
    #[error("expected a bcrypt hash, as printed by `htpasswd -nBC 10 \"\" | tr -d ':\\n'`")]
    Syntax,
    #[error("expected a bcrypt hash with a cost of 4 to {LARGEST_COST}")]
    Cost,
}

impl TryFrom<String> for Hash {
    type Error = HashError;

    fn try_from(text: String) -> Result<Self, HashError> {
        let parts = bcrypt::HashParts::from_str(&text).map_err(|_| HashError::Syntax)?;
        let is_usable = (4..=LARGEST_COST).contains(&parts.get_cost());
        if is_usable { Ok(Self(text)) } else { Err(HashError::Cost) }
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("<hash>")
    }
}

/// The users with the hashes of their passwords.
pub(super) type Users = BTreeMap<String, Hash>;

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PasswordVerdict {
    Right,
    Wrong,
    /// Too many checks are already waiting.
    Busy,
}

/// The state of the checks.
pub(super) struct Passwords {
    /// Makes digests that are useless without this key.
    key: hmac::Key,
    /// For each user, the digest of the correct password.
    right: Mutex<HashMap<String, hmac::Tag>>,
    one_at_a_time: Arc<Semaphore>,
    waiting: Mutex<HashMap<IpAddr, usize>>,
}

impl Passwords {
    /// Nothing known yet.
    pub(super) fn new() -> Self {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        Self {
            key: key.expect("the system has randomness"),
            right: Mutex::default(),
            one_at_a_time: Arc::new(Semaphore::new(1)),
            waiting: Mutex::default(),
        }
    }

    /// Checks a password. An unknown user takes the same time as a known one.
    pub(super) async fn check(
        &self,
        users: &Users,
        peer: IpAddr,
        user: &str,
        password: SecretString,
    ) -> PasswordVerdict {
        let Some(Hash(hash)) = users.get(user).or_else(|| self.stand_in(users, user)) else {
            return PasswordVerdict::Wrong;
        };
        let digest = self.digest(&[user, hash, password.expose_secret()]);
        if self.remembers(user, &digest) {
            return PasswordVerdict::Right;
        }
        let Some(_turn) = self.queue(peer) else { return PasswordVerdict::Busy };
        let Ok(permit) = Arc::clone(&self.one_at_a_time).acquire_owned().await else {
            return PasswordVerdict::Busy;
        };
        if self.remembers(user, &digest) {
            return PasswordVerdict::Right;
        }
        let (hash, exists) = (hash.clone(), users.contains_key(user));
        let check = tokio::task::spawn_blocking(move || {
            // The check continues if the client disconnects, and the next one waits for it nevertheless.
            let _permit = permit;
            bcrypt::verify(password.expose_secret(), &hash).unwrap_or(false)
        });
        if check.await.unwrap_or(false) && exists {
            self.right.lock().insert(user.to_owned(), digest);
            PasswordVerdict::Right
        } else {
            PasswordVerdict::Wrong
        }
    }

    /// The hash that an unknown name is checked against; always the same for the same name.
    fn stand_in<'a>(&self, users: &'a Users, name: &str) -> Option<&'a Hash> {
        let first = *self.digest(&[name]).as_ref().first()?;
        users.values().nth(usize::from(first) % users.len().max(1))
    }

    fn remembers(&self, user: &str, digest: &hmac::Tag) -> bool {
        self.right.lock().get(user).is_some_and(|right| right.as_ref().ct_eq(digest.as_ref()).into())
    }

    fn digest(&self, parts: &[&str]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(&part.len().to_be_bytes());
            context.update(part.as_bytes());
        }
        context.sign()
    }

    fn queue(&self, peer: IpAddr) -> Option<Turn<'_>> {
        let mut waiting = self.waiting.lock();
        let count = waiting.entry(peer).or_default();
        if *count >= WAITING {
            return None;
        }
        *count += 1;
        Some(Turn { passwords: self, peer })
    }
}

/// A turn in the queue of an address.
struct Turn<'a> {
    passwords: &'a Passwords,
    peer: IpAddr,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut waiting = self.passwords.waiting.lock();
        if let Some(count) = waiting.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn users(users: &[(&str, &str, u32)]) -> Users {
        let hash = |password: &str, cost: u32| Hash(bcrypt::hash(password, cost).unwrap());
        users.iter().map(|(user, password, cost)| ((*user).to_owned(), hash(password, *cost))).collect()
    }

    #[tokio::test]
    async fn only_the_password_of_the_user_is_right() {
        let passwords = Passwords::new();
        let known = users(&[("alice", "wonder", 4), ("bob", "", 4)]);
        for (user, password, verdict) in [
            ("alice", "wonder", PasswordVerdict::Right),
            ("alice", "wonder", PasswordVerdict::Right),
            ("alice", "wonde", PasswordVerdict::Wrong),
            ("bob", "", PasswordVerdict::Right),
            ("bob", "wonder", PasswordVerdict::Wrong),
            // Whichever hash stands in for an unknown name, its password must not work.
            ("carol", "wonder", PasswordVerdict::Wrong),
            ("carol", "", PasswordVerdict::Wrong),
        ] {
            assert_eq!(passwords.check(&known, HERE, user, password.into()).await, verdict, "{user}");
        }
        let changed = users(&[("alice", "other", 4)]);
        assert_eq!(passwords.check(&changed, HERE, "alice", "wonder".into()).await, PasswordVerdict::Wrong);
        assert_eq!(passwords.check(&changed, HERE, "bob", "".into()).await, PasswordVerdict::Wrong);
        assert!(passwords.waiting.lock().is_empty());
    }

    /// Response times do not reveal which users exist: an unknown name is checked against a hash, too.
    #[tokio::test]
    async fn who_does_not_exist_waits_for_a_check_as_well() {
        let passwords = Passwords::new();
        let known = users(&[("alice", "wonder", 4), ("bob", "builder", 5)]);
        let _running = passwords.one_at_a_time.acquire().await.unwrap();
        for user in ["alice", "bob", "carol", "dave", ""] {
            let check = std::pin::pin!(passwords.check(&known, HERE, user, "guess".into()));
            assert!(futures_util::poll!(check).is_pending(), "{user}");
        }
        let stands_in = |name: &str| passwords.stand_in(&known, name).unwrap().0.clone();
        let names: Vec<_> = (0..100).map(|number| format!("user{number}")).collect();
        assert!(names.iter().all(|name| stands_in(name) == stands_in(name)));
        for hash in known.values() {
            assert!(names.iter().any(|name| stands_in(name) == hash.0), "all hashes stand in for some name");
        }
    }

    #[tokio::test]
    async fn one_address_does_not_fill_the_queue() {
        let passwords = Passwords::new();
        let known = users(&[("alice", "wonder", 4)]);
        let _running = passwords.one_at_a_time.acquire().await.unwrap();
        let guess = |peer: &str| passwords.check(&known, peer.parse().unwrap(), "alice", "guess".into());
        let mut waiting: Vec<_> = (0..WAITING).map(|_| Box::pin(guess("192.0.2.1"))).collect();
        for guess in &mut waiting {
            assert!(futures_util::poll!(guess).is_pending());
        }
        assert_eq!(guess("192.0.2.1").await, PasswordVerdict::Busy);
        let other = std::pin::pin!(guess("192.0.2.2"));
        assert!(futures_util::poll!(other).is_pending(), "another address has its own turns");
        drop(waiting);
        let again = std::pin::pin!(guess("192.0.2.1"));
        assert!(futures_util::poll!(again).is_pending(), "a cancelled check no longer waits");
    }
}
