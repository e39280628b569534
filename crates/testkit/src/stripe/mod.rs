//! A Stripe account in process: answers the read calls of Stripe's API reference over HTTP, from state that can be
//! changed at run time.

mod account;
mod answer;
mod call;
mod destination;
mod error;
mod event;
mod key;
mod page;
mod param;
mod route;
mod serve;
mod subscription;
mod webhook;

pub use account::{Account, Refusal};
pub use destination::{DisabledReason, EventDestination, EventSourceStatus};
pub use event::Event;
pub use key::{ApiKey, Permission};
pub use serve::StripeServer;
pub use subscription::{Subscription, SubscriptionStatus};
pub use webhook::{EndpointStatus, WebhookEndpoint};
