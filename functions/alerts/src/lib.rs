//! Turns alarm changes from CloudWatch, EventBridge and Alertmanager into notifications.
//!
//! 1. An event updates the record of its alarm and schedules a flush: a message to the function's own queue that
//!    returns when the group's window is over (`intake`).
//! 2. The flush, and a minute of the schedule, query CloudWatch and let `notify::reconcile` compare the answer with
//!    what each receiver was last sent (`delivery`). A lost event only delays its notification.
//! 3. `notify::mail` writes the text from the record, the report of the run that raised the alarm, and the metrics (`evidence`). The attempt is
//!    stored before the notification is published, and the outcome afterwards.
//!
//! If the table, the bucket or the metrics are unavailable, the mail is sent without grouping or without evidence. Records
//! that the table does not take are kept in memory and in the queue (`storage`).

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
mod receiver_clients;
mod receivers;
mod reports;
mod self_monitoring;
mod storage;
mod weekly;

pub use clients::Clients;
pub use config::{Config, ConfigError};
pub use handler::Alerts;
pub use receiver_clients::ReceiverClients;
