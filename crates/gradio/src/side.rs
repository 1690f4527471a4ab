//! Functions that an event of the page triggers beside those of the turn, such as one that counts
//! messages. A browser runs them too, and shows their errors.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::failure::Fault;

/// How long they may take after the turn. Then they are cancelled.
const GRACE: Duration = Duration::from_secs(5);

/// The functions, and where those that are triggered are sent.
#[derive(Default)]
pub(crate) struct SideFunctions {
    functions: BTreeSet<usize>,
    started: Option<UnboundedSender<usize>>,
    turn_ended: Notify,
}

impl SideFunctions {
    /// Also returns the receiver for [`Engine::run_side`](crate::engine::Engine::run_side).
    pub(crate) fn new(functions: &[usize]) -> (Self, UnboundedReceiver<usize>) {
        let (sender, receiver) = unbounded_channel();
        let functions = functions.iter().copied().collect();
        (Self { functions, started: Some(sender), turn_ended: Notify::new() }, receiver)
    }

    pub(crate) fn contains(&self, at: usize) -> bool {
        self.functions.contains(&at)
    }

    pub(crate) fn start(&self, functions: Vec<usize>) {
        for (at, started) in functions.into_iter().zip(self.started.iter().cycle()) {
            // If nothing receives it, the turn has failed.
            let _ = started.send(at);
        }
    }

    /// Waits for the end of the turn.
    pub(crate) async fn turn_ended(&self) {
        self.turn_ended.notified().await;
    }

    /// Runs a turn and the functions beside it, which may end a little later.
    pub(crate) async fn run_beside(
        &self,
        turn: impl Future<Output = Result<(), Fault>>,
        side: impl Future<Output = ()>,
    ) -> Result<(), Fault> {
        let (turn, side) = (pin!(turn), pin!(side));
        match select(turn, side).await {
            Either::Left((outcome, side)) => {
                if outcome.is_ok() {
                    self.turn_ended.notify_one();
                    let _ = timeout(GRACE, side).await;
                }
                outcome
            }
            Either::Right(((), turn)) => turn.await,
        }
    }
}
