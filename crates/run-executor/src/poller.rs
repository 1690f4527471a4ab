//! The loop of an agent: receives run requests and executes several of them at the same time.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use domain::chain;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{error, warn};

use crate::executor::{Executor, joined};
use crate::queue::{MAX_EXECUTION, Message, ReceiveError};

/// Pause after the first poll that failed. It doubles with each further one, up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What a [`Poller`] did until it was stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// Requests that were executed.
    pub executed: usize,
    /// Requests that were still executed when the time was over. SQS delivers them again, and their runs are
    /// counted as lost.
    pub abandoned: usize,
}

/// Receives from the queue of runs until it is stopped.
pub struct Poller {
    executor: Arc<Executor>,
    /// Requests that are executed at the same time, at most.
    at_once: usize,
    /// How long running requests may take after a stop.
    grace: Duration,
    running: JoinSet<()>,
    executed: usize,
}

impl Poller {
    #[must_use]
    pub fn new(executor: Executor, at_once: usize, grace: Duration) -> Self {
        let (executor, running) = (Arc::new(executor), JoinSet::new());
        Self { executor, at_once: at_once.max(1), grace, running, executed: 0 }
    }

    /// Executes requests until `stop` is ready. Then it takes no further message and finishes those it has.
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> Stopped {
        tokio::pin!(stop);
        let mut pause = PAUSE;
        while let Some(received) = self.next(stop.as_mut()).await {
            match received {
                Ok(messages) => {
                    pause = PAUSE;
                    for message in messages {
                        self.start(message);
                    }
                }
                Err(failed) => {
                    let pause_seconds = pause.as_secs();
                    warn!(error = chain(&failed), pause_seconds, "Receiving run requests failed");
                    tokio::select! {
                        () = stop.as_mut() => break,
                        () = tokio::time::sleep(pause) => pause = LONGEST_PAUSE.min(pause * 2),
                    }
                }
            }
            while self.running.try_join_next().is_some() {
                self.executed += 1;
            }
        }
        self.finish().await
    }

    /// As many messages as can be executed now; `None` after the stop.
    async fn next(
        &mut self,
        mut stop: Pin<&mut impl Future<Output = ()>>,
    ) -> Option<Result<Vec<Message>, ReceiveError>> {
        while self.running.len() == self.at_once {
            tokio::select! {
                () = stop.as_mut() => return None,
                _ = self.running.join_next() => self.executed += 1,
            }
        }
        let receive = self.executor.queue().receive(self.at_once - self.running.len());
        tokio::pin!(receive);
        tokio::select! {
            received = receive.as_mut() => Some(received),
            () = stop => {
                // SQS may have given out messages already: a cancelled call would hide them for minutes.
                self.release(receive.await.unwrap_or_default()).await;
                None
            }
        }
    }

    fn start(&mut self, message: Message) {
        let executor = Arc::clone(&self.executor);
        self.running.spawn(async move { handle(&executor, &message).await });
    }

    async fn release(&self, messages: Vec<Message>) {
        for message in &messages {
            self.executor.queue().release(message).await;
        }
    }

    async fn finish(mut self) -> Stopped {
        let until = Instant::now() + self.grace;
        while let Ok(Some(_)) = tokio::time::timeout_at(until, self.running.join_next()).await {
            self.executed += 1;
        }
        Stopped { executed: self.executed, abandoned: self.running.len() }
    }
}

/// Executes one request. Its message is deleted unless it was rejected.
async fn handle(executor: &Executor, message: &Message) {
    match executor.execute(message, Instant::now() + MAX_EXECUTION).await {
        Ok(errors) => {
            if !errors.is_empty() {
                error!(message = message.id, error = joined(&errors), "Results were not published");
            }
            executor.queue().delete(message).await;
        }
        Err(rejected) => {
            error!(message = message.id, error = chain(&rejected), "Run request was rejected");
            executor.queue().release(message).await;
        }
    }
}
