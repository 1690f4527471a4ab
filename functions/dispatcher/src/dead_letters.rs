//! The dead-letter queues of the other locations. An alarm in their region could not notify the topics of this one.

use std::time::Duration;

use cloudwatch::OwnMetric;
use futures_util::future::join_all;
use jiff::Timestamp;
use lambda_kit::chain;
use tracing::warn;

use crate::Dispatcher;
use crate::destinations::Destination;

/// Minutes between two counts.
const EVERY: i64 = 5;
/// The time for one queue.
const TIMEOUT: Duration = Duration::from_secs(5);

impl Dispatcher {
    /// Publishes how many messages there are, if there are any. A location that does not respond is only logged: its
    /// missing data raises an alarm.
    pub(crate) async fn count_dead_letters(&self, minute: Timestamp) {
        if minute.as_second() / 60 % EVERY != 0 {
            return;
        }
        let others = self.destinations.iter().filter(|one| !one.is_home());
        let count = join_all(others.map(count_of)).await.into_iter().sum();
        self.count(OwnMetric::LocationDeadLetters, count).await;
    }
}

/// Logs and returns the number of messages of a location.
async fn count_of(destination: &Destination) -> usize {
    let location = destination.name();
    match tokio::time::timeout(TIMEOUT, destination.dead_letters()).await {
        Ok(Ok(0)) => 0,
        Ok(Ok(messages)) => {
            warn!(location, messages, "Dead-letter queue of a location has messages");
            messages
        }
        Ok(Err(error)) => {
            let error = chain(&error);
            warn!(location, error, "Counting the dead letters of a location failed");
            0
        }
        Err(_) => {
            warn!(location, "Counting the dead letters of a location timed out");
            0
        }
    }
}
