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

pub(crate) use account::{Account, Refusal};
pub(crate) use destination::{DisabledReason, EventDestination, EventSourceStatus};
pub(crate) use event::Event;
pub(crate) use key::{ApiKey, Permission};
pub(crate) use serve::StripeServer;
pub(crate) use subscription::{Subscription, SubscriptionStatus};
pub(crate) use webhook::{EndpointStatus, WebhookEndpoint};
