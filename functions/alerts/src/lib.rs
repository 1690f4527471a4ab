//! Turns alarm changes, whoever sent them, into notifications that a person can act on.
//!
//! 1. Each message of the queue is read (`event`) and taken into the memory of its alarm (`ledger`).
//! 2. The first change of a group arms a flush: a message to our own queue that comes back when the
//!    window is over. Then everything that waits is told together. A minute of the schedule does the
//!    same for what a flush left behind, and sends reminders.
//! 3. A mail is written (`mail`) from the memory, the newest report and the figures (`evidence`), and
//!    published. Only then the memory says that it was told.
//!
//! Whatever fails on the way (table, bucket, figures, queue) costs a part of the mail, or its
//! grouping, and never the mail. Only a publish that fails hands the message back to SQS.

mod alerts;
mod comparison;
mod config;
mod current;
mod english;
mod event;
mod evidence;
mod french;
mod layout;
mod ledger;
mod links;
mod mail;
mod mutes;
mod notification;
mod plot;
mod send;
mod text;
mod watch;
mod week;
mod words;

pub use alerts::{Alerts, Clients};
pub use config::Config;
pub use mail::{Mail, write};
pub use notification::{Figures, Item, Notification, Other, Runs, Week, Window, Zone};
pub use watch::ProbeWeek;
pub use week::write_week;
pub use words::Language;
