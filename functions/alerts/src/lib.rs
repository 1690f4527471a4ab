//! Turns alarm changes, whoever sent them, into notifications that a person can act on.
//!
//! 1. Each message of the queue is read and recorded for its alarm (`store`).
//! 2. The first change of a group schedules a flush: a message to the function's own queue that returns when the
//!    window is over. Then all changes of the window are sent together. A minute of the schedule does the same for
//!    what a flush missed, and sends reminders.
//! 3. The crate `notify` writes the mail from the record, the newest report and the metrics (`evidence`). The record is
//!    marked as notified after the mail was published.
//!
//! A failure of the table, the bucket, the metrics or the queue costs a part of the mail or its grouping, never the
//! mail. Only a failed publish returns the message to SQS.

mod alarm_states;
mod alerts;
mod config;
mod evidence;
mod mutes;
mod publish;
mod self_monitoring;
mod store;

pub use alerts::{Alerts, Clients};
pub use config::Config;
