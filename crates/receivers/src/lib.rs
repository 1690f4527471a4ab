//! Sends notifications to `PagerDuty`, Slack, Microsoft Teams, webhooks, SNS topics and EventBridge.
//!
//! - [`config`] reads `receivers` of `infra/routes.json`.
//! - [`event`] is the notification about one alarm as JSON, with a published schema.
//! - [`payload`] turns a notification into the requests of each kind of receiver. It is pure.
//! - [`send`] makes the HTTP requests, with retries within a deadline.
//!
//! A URL of a webhook is a secret. It is never part of an error or a log line.

pub mod config;
pub mod event;
pub mod payload;
mod receiver;
pub mod samples;
pub mod send;
mod sign;
pub mod template;
mod text;

pub use config::{Audience, Configuration, Receiver};
pub use payload::{Delivery, HttpRequest, Payload, TopicMessage, deliveries};
pub use receiver::{Resolved, UnresolvedReceiver};
pub use send::{RetryPolicy, SendError, Sender};

/// The JSON Schema of `infra/routes.json`.
pub const ROUTES_SCHEMA: &str = include_str!("../routes.schema.json");
/// The JSON Schema of [`event::Event`], version 1.
pub const EVENT_SCHEMA: &str = include_str!("../event.schema.json");
