//! Decides who is notified about an alert and writes the notification: pure, without I/O and without a clock.
//!
//! - [`event`] reads what CloudWatch, EventBridge and Alertmanager send.
//! - [`record`] is what Vigie keeps about one alarm, [`sent`] what its receivers know, [`reconcile`] decides what to send.
//! - [`route`] gives an alert its severity.
//! - [`mail`] writes the text; [`weekly`] decides when the weekly mail is due and what it counts.
//!
//! The function `alerts` does the I/O around it.

pub mod alert;
mod attempts;
pub mod cache;
mod due;
pub mod event;
pub mod incident;
pub mod links;
pub mod locale;
pub mod mail;
pub mod notification;
#[cfg(test)]
mod planted;
pub mod reconcile;
pub mod record;
pub mod route;
pub mod rules;
pub mod selection;
pub mod sent;
#[cfg(test)]
mod simulation;
pub mod weekly;

pub use alert::{Alert, Source, State, Subject};
pub use incident::{Acknowledgement, Closure, Incident, NotificationKind};
pub use locale::{Language, Zone};
pub use record::AlarmRecord;
pub use route::Routes;
