//! What ends Hayon's service. Each begins and ends on demand.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::sync::watch;

use super::super::platform::Platform;
use super::super::stripe::{ApiKey, Event};
use super::super::web::{Web, reply};
use super::{Hayon, NAME, posting};

/// How Hayon's own parts behave.
pub(super) struct Conduct {
    /// Whether the workers that publish posts are alive.
    publishers: watch::Sender<bool>,
    /// The status that the receiver of webhooks answers a request without a signature with.
    receiver: Arc<AtomicU16>,
}

impl Conduct {
    pub(super) fn good() -> Self {
        Self { publishers: watch::Sender::new(true), receiver: Arc::new(AtomicU16::new(400)) }
    }

    /// The receiver of Stripe's webhooks. Nobody but Stripe knows the secret to sign with.
    pub(super) async fn webhook(&self) -> Web {
        let status = Arc::clone(&self.receiver);
        Web::start(move |_| reply(status.load(Ordering::Relaxed), "no signature\n")).await
    }

    /// Whether the workers that publish posts are alive.
    pub(super) fn is_alive(&self) -> bool {
        *self.publishers.borrow()
    }

    /// Runs the work again and again, as long as the workers are alive.
    pub(super) async fn while_alive(&self, work: impl AsyncFn() -> Infallible) -> Infallible {
        let mut alive = self.publishers.subscribe();
        loop {
            let _ = alive.wait_for(|alive| *alive).await;
            tokio::select! {
                never = work() => match never {},
                _ = alive.wait_for(|alive| !alive) => {}
            }
        }
    }
}

impl Hayon {
    /// Kills the workers that publish posts, or starts them again.
    pub fn set_publishers(&self, alive: bool) {
        self.conduct.publishers.send_replace(alive);
    }

    /// Lets the receiver of webhooks fail, or work again.
    pub fn set_receiver(&self, works: bool) {
        self.conduct.receiver.store(if works { 400 } else { 500 }, Ordering::Relaxed);
    }

    /// Has an event of two hours ago be undelivered still.
    pub fn lose_event(&self) -> String {
        let late = jiff::Timestamp::now().as_second() - 2 * 3600;
        self.stripe.state().add_event(Event::undelivered("invoice.payment_failed", late))
    }

    /// Has it delivered at last.
    pub fn deliver(&self, event: &str) {
        self.stripe.state().mark_delivered(event);
    }

    /// Revokes the exporter's key. The result restores it.
    #[must_use]
    pub fn revoke_key(&self) -> Vec<ApiKey> {
        std::mem::take(&mut self.stripe.state().keys)
    }

    pub fn restore_key(&self, keys: Vec<ApiKey>) {
        self.stripe.state().keys = keys;
    }

    /// Rejects a few posts for good.
    pub async fn reject_posts(&self, platform: &Platform, count: usize) {
        platform.rabbitmq.publish(NAME, posting::DEAD_LETTERS, count).await;
    }

    /// Throws the rejected posts away.
    pub async fn forget_rejected(&self, platform: &Platform) {
        platform.rabbitmq.delete(&format!("/api/queues/{NAME}/{}/contents", posting::DEAD_LETTERS)).await;
    }
}
