//! Bugs of an earlier design, which the simulation must find. Compiled into tests only.

use std::cell::Cell;

/// One planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A1: events are ordered by the start of the alert, so that an alert that fires again is dropped.
    OrderByStart,
    /// A2: an alert that Alertmanager no longer reports stays active.
    EndlessLease,
    /// A5: a receiver that fails makes the others repeat their notifications.
    OneFailureForAll,
    /// A6: missing data is reported once, without reminders, and other mails do not list it.
    NoDataOnce,
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

pub(crate) fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

pub(crate) fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}
