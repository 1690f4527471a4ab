//! Turns alarm changes from CloudWatch, EventBridge and Alertmanager into notifications.
//!
//! 1. An event updates the record of its alarm and schedules a flush: a message to the function's own queue that
//!    returns when the group's window is over (`intake`).
//! 2. The flush, and a minute of the schedule, query CloudWatch and let `notify::reconcile` compare the answer with
//!    what each receiver was last sent (`delivery`). A lost event only delays its notification.
//! 3. `notify::mail` writes the text from the record, the newest report and the metrics (`evidence`). A record is marked
//!    as sent after its notification was published.
//!
//! If the table, the bucket or the metrics are unavailable, the mail is sent without grouping or without evidence.

mod alarm_states;
mod clients;
mod config;
mod delivery;
mod evidence;
mod handler;
mod intake;
mod metrics;
mod mutes;
mod publish;
mod self_monitoring;
mod weekly;

pub use clients::Clients;
pub use config::Config;
pub use handler::Alerts;
