//! Taking turns: alarms that change together are told together, and a mail of several alarms has not the
//! text of one. Scenarios that read a mail from top to bottom break their bots one after the other.

use tokio::sync::watch;

/// Whose turn it is, by number.
pub(super) struct Turns(watch::Sender<usize>);

/// A turn under way; dropped, also by a failure, it is the next one's.
pub(super) struct Turn<'a>(&'a Turns);

impl Turns {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    /// Waits for turn number `number`, which has to be taken exactly once.
    pub(super) async fn take(&self, number: usize) -> Turn<'_> {
        self.reached(number).await;
        Turn(self)
    }

    /// Waits until turn number `number` has begun.
    pub(super) async fn reached(&self, number: usize) {
        // Fails only without a sender, and that is ours.
        let _ = self.0.subscribe().wait_for(|now| number <= *now).await;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|now| *now += 1);
    }
}
