//! Writes mails as plain text: first what happened, then what to do, then links. Pure, so that tests compare whole
//! mails.

mod comparison;
mod digest;
mod language;
mod layout;
mod list;
mod parts;
mod single;
mod situation;
mod text;
mod unconfirmed;
mod weekly;

pub use digest::{Digest, Link, LinkKind, digest, group_title};
pub use unconfirmed::{Unconfirmed, write_unconfirmed};
pub use weekly::write_weekly;

use domain::Severity;

use crate::alert::Alert;
use crate::locale::Language;
use crate::notification::Notification;

/// A mail as SNS accepts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// ASCII, at most 99 characters.
    pub subject: String,
    /// Plain text, well below SNS's 256 KB.
    pub body: String,
}

/// Writes the mail for `notification`.
#[must_use]
pub fn write(notification: &Notification, language: Language) -> Mail {
    let messages = language::messages(language);
    match notification.items.as_slice() {
        [item] => single::write(notification, item, messages),
        items => list::write(notification, items, messages),
    }
}

/// Sort key of alarms, the most urgent first.
#[must_use]
pub fn urgency(alert: &Alert, severity: Severity) -> impl Ord + use<> {
    situation::urgency(alert, severity)
}
