//! The event stream of a session, shared by the calls of parallel branches.
//!
//! Gradio sends the messages of all events of a session over one stream. Whichever call waits reads
//! the next message and passes it to the call it belongs to.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{MutexGuard, PoisonError};

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use super::event_reader::{Events, Received};
use crate::http::{Http, HttpError};
use crate::message::Body;

/// The stream of one turn.
#[derive(Default)]
pub(crate) struct Streams {
    open: Mutex<Option<Events>>,
    waiting: std::sync::Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// Calls that wait, by event, with the messages that others read for them.
    inboxes: HashMap<String, Inbox>,
    /// Events whose messages are no longer read.
    ended: HashSet<String>,
    /// Calls whose event is not known yet.
    joining: usize,
    /// Messages of events that are not known yet, and their bytes.
    early: VecDeque<Received>,
    early_bytes: usize,
}

#[derive(Default)]
struct Inbox {
    messages: VecDeque<Received>,
    /// Whether a message of this event has arrived.
    served: bool,
    /// Whether this event opened a stream.
    opened: bool,
}

/// A call that joins the queue. The first messages of its event may arrive before the response that names
/// the event, and are kept meanwhile.
pub(super) struct Joining<'s>(&'s Streams);

/// An event whose messages a call reads. When it is dropped, no messages are kept for the event any
/// more: a server may go on sending them after the call has failed.
pub(super) struct Registration<'s> {
    streams: &'s Streams,
    event_id: String,
}

impl Streams {
    /// Announces a call before its request.
    pub(super) fn join(&self) -> Joining<'_> {
        self.waiting().joining += 1;
        Joining(self)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Plain values stay consistent if a holder panics.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'s> Joining<'s> {
    /// Registers the event whose messages will be read.
    pub(super) fn register(self, event_id: &str) -> Registration<'s> {
        let streams = self.0;
        let mut waiting = streams.waiting();
        let is_own = |message: &Received| message.0.event_id.as_deref() == Some(event_id);
        let (own, others): (VecDeque<_>, VecDeque<_>) = waiting.early.drain(..).partition(is_own);
        waiting.early = others;
        let inbox = Inbox { served: !own.is_empty(), messages: own, opened: false };
        waiting.inboxes.insert(event_id.to_owned(), inbox);
        Registration { streams, event_id: event_id.to_owned() }
    }
}

impl Drop for Joining<'_> {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting();
        waiting.joining -= 1;
        if waiting.joining == 0 {
            waiting.early.clear();
            waiting.early_bytes = 0;
        }
    }
}

impl Waiting {
    /// Keeps a message for the call of its event.
    fn deliver(&mut self, event_id: &str, message: Received) {
        /// Bytes of the messages of events that are not known yet.
        const MAX_EARLY: usize = 1024 * 1024;
        if let Some(inbox) = self.inboxes.get_mut(event_id) {
            inbox.served = true;
            inbox.messages.push_back(message);
        } else if self.joining > 0 && !self.ended.contains(event_id) {
            self.early_bytes += message.1;
            if self.early_bytes <= MAX_EARLY {
                self.early.push_back(message);
            }
        }
    }
}

impl Registration<'_> {
    /// The next message of the event. Opens the stream if there is none.
    pub(super) async fn next(
        &self,
        http: &Http,
        url: &url::Url,
        until: Instant,
    ) -> Result<Received, HttpError> {
        loop {
            // The lock is fair: after each message the next waiting call gets it.
            let mut open = timeout_at(until, self.streams.open.lock())
                .await
                .map_err(|_| HttpError::TimedOut)?;
            if let Some(message) = self.inbox(|inbox| inbox.messages.pop_front()).flatten() {
                return Ok(message);
            }
            if open.is_none() {
                self.inbox(|inbox| inbox.opened = true);
                *open = Some(Events::open(http, url.clone(), until).await?);
            }
            let Some(events) = &mut *open else { continue };
            let received = match events.next(http, until).await {
                Ok(received) => received,
                Err(HttpError::TimedOut) => return Err(HttpError::TimedOut),
                Err(error) => {
                    *open = None;
                    // The stream may have ended before this event joined; then a new one is needed.
                    if error.is_end_of_stream() && self.may_reopen() {
                        continue;
                    }
                    return Err(error);
                }
            };
            match &received.0.event_id {
                Some(id) if *id != self.event_id => {
                    let id = id.clone();
                    self.streams.waiting().deliver(&id, received);
                }
                Some(_) => {
                    self.inbox(|inbox| inbox.served = true);
                    return Ok(received);
                }
                None if received.0.body == Body::CloseStream => {
                    *open = None;
                    if !self.may_reopen() {
                        return Ok(received);
                    }
                }
                None => {
                    let mut waiting = self.streams.waiting();
                    let others = waiting.inboxes.iter_mut().filter(|(id, _)| **id != self.event_id);
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
    pub(super) async fn finish(self) {
        let streams = self.streams;
        drop(self);
        let mut open = streams.open.lock().await;
        let is_last = streams.waiting().inboxes.is_empty();
        if is_last && let Some(events) = open.take() {
            events.drain().await;
        }
    }

    fn inbox<T>(&self, read: impl FnOnce(&mut Inbox) -> T) -> Option<T> {
        self.streams.waiting().inboxes.get_mut(&self.event_id).map(read)
    }

    /// Whether a call without a message may open another stream.
    fn may_reopen(&self) -> bool {
        self.inbox(|inbox| !inbox.served && !inbox.opened).unwrap_or_default()
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        let mut waiting = self.streams.waiting();
        waiting.inboxes.remove(&self.event_id);
        waiting.ended.insert(std::mem::take(&mut self.event_id));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::{Client, Proxy};

    /// Serves one stream with these messages.
    async fn serve(messages: Vec<serde_json::Value>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut request).await.unwrap();
            }
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                        connection: close\r\n\r\n";
            let events = messages.iter().map(|message| format!("data: {message}\n\n"));
            let answer = events.fold(head.to_owned(), |answer, event| answer + &event);
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        url
    }

    #[tokio::test]
    async fn messages_of_a_failed_event_are_not_kept() {
        let failed = json!({ "msg": "process_completed", "event_id": "e1", "success": false });
        let done = json!({
            "msg": "process_completed", "event_id": "e2", "success": true, "output": { "data": [] },
        });
        let mut messages = vec![failed];
        for _ in 0..10 {
            messages.push(json!({
                "msg": "process_generating", "event_id": "e1", "success": true,
                "output": { "data": ["x"] },
            }));
            messages.push(json!({ "msg": "log", "log": "a toast", "level": "info" }));
        }
        messages.push(done);
        let url = serve(messages).await;
        let client = Client::builder(&url).proxy(Proxy::None).build().unwrap();
        let http = Http::new(&client.settings).unwrap();
        let url = url.parse().unwrap();
        let until = Instant::now() + Duration::from_secs(30);

        let streams = Streams::default();
        let failing = streams.join().register("e1");
        let other = streams.join().register("e2");
        let (first, ..) = failing.next(&http, &url, until).await.unwrap();
        assert_eq!(first.event_id.as_deref(), Some("e1"));
        drop(failing);
        let mut read = 0;
        while other.next(&http, &url, until).await.unwrap().0.event_id.is_none() {
            read += 1;
        }
        assert_eq!(read, 10);
        let kept = |streams: &Streams| -> Vec<(String, usize)> {
            let waiting = streams.waiting();
            waiting.inboxes.iter().map(|(id, inbox)| (id.clone(), inbox.messages.len())).collect()
        };
        assert_eq!(kept(&streams), [("e2".to_owned(), 0)]);
        other.finish().await;
        assert!(kept(&streams).is_empty());
    }

    #[tokio::test]
    async fn message_before_its_event_is_known_is_kept() {
        let done = |event: &str| {
            json!({
                "msg": "process_completed", "event_id": event, "success": true,
                "output": { "data": [] },
            })
        };
        let url = serve(vec![done("e2"), done("e3"), done("e1")]).await;
        let client = Client::builder(&url).proxy(Proxy::None).build().unwrap();
        let http = Http::new(&client.settings).unwrap();
        let url = url.parse().unwrap();
        let until = Instant::now() + Duration::from_secs(30);

        let streams = Streams::default();
        let joining = streams.join();
        let first = streams.join().register("e1");
        let event = |received: Received| received.0.event_id.unwrap();
        assert_eq!(event(first.next(&http, &url, until).await.unwrap()), "e1");
        let second = joining.register("e2");
        assert_eq!(event(second.next(&http, &url, until).await.unwrap()), "e2");
        assert_eq!(streams.waiting().early.len(), 0, "nobody waits for the other one");
    }
}
