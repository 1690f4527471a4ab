//! The order of scenarios, and the order in which those that share receivers break their bots.
//!
//! Alarms that change together share one mail, which differs from the mail about one alarm. The scenarios
//! that read a whole mail therefore run in sequence. A filtered scenario is not part of the sequence.

use std::collections::BTreeMap;

use harness::environment::LocalEnvironment;
use tokio::sync::{OnceCell, watch};

use crate::list::Scenario;

/// Shared by all scenarios of one environment.
pub(super) struct Sequence {
    /// The sequence of [`Scenario::order`].
    pub(super) order: Turns,
    /// The sequence for mails of severity `page`.
    pub(super) mails: Turns,
    /// Place 0 is held until the ticket in English was read.
    pub(super) tickets: Turns,
    french: OnceCell<()>,
}

/// The places that a selected scenario holds until it ends.
#[derive(Default)]
pub(super) struct Places {
    _order: Option<Place>,
    _mail: Option<Place>,
    _ticket: Option<Place>,
}

impl Sequence {
    pub(super) fn new() -> Self {
        Self {
            order: Turns::new(),
            mails: Turns::new(),
            tickets: Turns::new(),
            french: OnceCell::new(),
        }
    }

    /// The places of a scenario, held until the returned value is dropped.
    pub(super) fn reserve(&self, scenario: &Scenario) -> Places {
        Places {
            _order: Some(self.order.reserve(scenario.order)),
            _mail: scenario.turn.map(|number| self.mails.reserve(number)),
            _ticket: scenario.reads_ticket.then(|| self.tickets.reserve(0)),
        }
    }

    /// Switches the mails to French, once; the English mails were read before.
    pub(super) async fn speak_french(&self, env: &LocalEnvironment) -> anyhow::Result<()> {
        let switch = async {
            self.tickets.wait_for(1).await;
            env.set_alerts_variables(&[("LANGUAGE", "fr"), ("TIME_ZONE", "Europe/Paris")]).await
        };
        self.french.get_or_try_init(|| switch).await.map(drop)
    }
}

/// Places in a sequence, by number; several may hold one.
pub(super) struct Turns(watch::Sender<Held>);

/// The numbers that are held, and how many hold each.
type Held = BTreeMap<usize, usize>;

/// A place that is held until it is dropped.
pub(super) struct Place {
    number: usize,
    held: watch::Sender<Held>,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Held::new()))
    }

    pub(super) fn reserve(&self, number: usize) -> Place {
        self.0.send_modify(|held| {
            *held.entry(number).or_default() += 1;
        });
        Place { number, held: self.0.clone() }
    }

    /// Releases place `number` before the scenarios that hold it end.
    pub(super) fn leave(&self, number: usize) {
        self.0.send_modify(|held| {
            held.remove(&number);
        });
    }

    /// Waits until no place before `number` is held.
    pub(super) async fn wait_for(&self, number: usize) {
        let free = |held: &Held| held.range(..number).next().is_none();
        // Fails only without a sender, and `self` holds one.
        let _ = self.0.subscribe().wait_for(free).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.held.send_modify(|held| {
            if let Some(holders) = held.get_mut(&self.number) {
                *holders -= 1;
                if *holders == 0 {
                    held.remove(&self.number);
                }
            }
        });
    }
}
