//! The event stream of a session, shared by the calls of parallel branches.
//!
//! Gradio sends the messages of all events of a session over one stream. Whichever call waits reads
//! the next message and passes it to the call it belongs to.

use std::collections::{HashMap, VecDeque};

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use super::event_reader::{Events, Received};
use crate::http::{Http, HttpError};
use crate::message::Body;

/// The stream of one turn.
#[derive(Default)]
pub(crate) struct Streams(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    open: Option<Events>,
    /// Calls that wait, by event, with the messages that others read for them.
    waiting: HashMap<String, Inbox>,
}

#[derive(Default)]
struct Inbox {
    messages: VecDeque<Received>,
    /// Whether a message of this event has arrived.
    served: bool,
    /// Whether this event opened a stream.
    opened: bool,
}

impl Streams {
    /// Registers an event whose messages will be read.
    pub(super) async fn register(&self, event_id: &str) {
        self.0.lock().await.waiting.insert(event_id.to_owned(), Inbox::default());
    }

    /// The next message of an event. Opens the stream if there is none.
    pub(super) async fn next(
        &self,
        http: &Http,
        url: &url::Url,
        event_id: &str,
        until: Instant,
    ) -> Result<Received, HttpError> {
        loop {
            // The lock is fair: after each message the next waiting call gets it.
            let mut inner =
                timeout_at(until, self.0.lock()).await.map_err(|_| HttpError::TimedOut)?;
            let inbox = inner.waiting.entry(event_id.to_owned()).or_default();
            if let Some(message) = inbox.messages.pop_front() {
                return Ok(message);
            }
            if inner.open.is_none() {
                let inbox = inner.waiting.entry(event_id.to_owned()).or_default();
                inbox.opened = true;
                inner.open = Some(Events::open(http, url.clone(), until).await?);
            }
            let Some(events) = &mut inner.open else { continue };
            let received = match events.next(http, until).await {
                Ok(received) => received,
                Err(HttpError::TimedOut) => return Err(HttpError::TimedOut),
                Err(error) => {
                    inner.open = None;
                    // The stream may have ended before this event joined; then a new one is needed.
                    if error.is_end_of_stream() && inner.may_reopen(event_id) {
                        continue;
                    }
                    return Err(error);
                }
            };
            match &received.0.event_id {
                Some(id) if id != event_id => {
                    if let Some(inbox) = inner.waiting.get_mut(id) {
                        inbox.served = true;
                        inbox.messages.push_back(received);
                    }
                }
                Some(_) => {
                    if let Some(inbox) = inner.waiting.get_mut(event_id) {
                        inbox.served = true;
                    }
                    return Ok(received);
                }
                None if received.0.body == Body::CloseStream => {
                    inner.open = None;
                    if !inner.may_reopen(event_id) {
                        return Ok(received);
                    }
                }
                None => {
                    let others = inner.waiting.iter_mut().filter(|(id, _)| *id != event_id);
                    for (_, inbox) in others {
                        inbox.messages.push_back(received.clone());
                    }
                    return Ok(received);
                }
            }
        }
    }

    /// Removes a finished event. If it was the last one, the rest of the stream is read, so that its
    /// connection can be reused.
    pub(super) async fn finish(&self, event_id: &str) {
        let mut inner = self.0.lock().await;
        inner.waiting.remove(event_id);
        if inner.waiting.is_empty()
            && let Some(events) = inner.open.take()
        {
            events.drain().await;
        }
    }
}

impl Inner {
    /// Whether a call without a message may open another stream.
    fn may_reopen(&self, event_id: &str) -> bool {
        self.waiting.get(event_id).is_some_and(|inbox| !inbox.served && !inbox.opened)
    }
}
