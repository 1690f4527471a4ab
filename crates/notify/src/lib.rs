//! Decides who is notified about an alert and writes the notification: pure, without I/O and without a clock.
//!
//! - [`event`] reads what CloudWatch, EventBridge and Alertmanager send.
//! - [`alarm_record`] is what Vigie keeps about one alarm, and decides what is due.
//! - [`route`] gives an alert its severity.
//! - [`mail`] writes the text.
//!
//! The function `alerts` does the I/O around it.

pub mod alarm_record;
pub mod alert;
pub mod event;
pub mod incident;
pub mod links;
pub mod locale;
pub mod mail;
pub mod notification;
pub mod route;

pub use alarm_record::AlarmRecord;
pub use alert::{Alert, Source, State, Subject};
pub use incident::{Incident, NotificationKind};
pub use locale::{Language, Zone};
pub use route::Routes;
