//! One receiver and what is known of it.

use std::time::{Duration, SystemTime};

use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Request, Response};
use tokio::time::Instant;

use crate::answer::{Answer, Obstacle, Sent, judge, proves, words};
use crate::delivery::Delivery;
use crate::{Outcome, Patience, Settings, SettingsError};
use samples::{Encoder, Entry, Protocol, Timestamp};

/// Bytes of an answer that are read; it is only words.
const MAX_ANSWER: usize = 2048;

/// Sends to one receiver, one request at a time, so that order holds.
///
/// It remembers which version the receiver speaks and how many tries failed in a row, so it is to be
/// kept for as long as the receiver is written to.
pub struct Client {
    pub(crate) settings: Settings,
    pub(crate) encoder: Encoder,
    pub(crate) spoken: Protocol,
    /// Tries in a row that a later one may mend.
    pub(crate) failures: u32,
    headers: HeaderMap,
    secrets: Vec<String>,
    http: reqwest::Client,
    proven: bool,
}

impl Client {
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            encoder: Encoder::default(),
            spoken: settings.protocol,
            failures: 0,
            headers: settings.header_map()?,
            secrets: settings.secrets(),
            http: settings.http()?,
            proven: false,
            settings,
        })
    }

    /// The version spoken now: 1.0 once the receiver turned out to know no other.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.spoken
    }

    /// Sends `entries`, in the order given, and tells what became of each.
    ///
    /// `now` is the time at the call; what passes while sending is added. Once something could not
    /// be sent, nothing after it is: a later sample never overtakes an earlier one of its series.
    pub async fn write(
        &mut self,
        entries: &[Entry],
        now: Timestamp,
        patience: Patience,
    ) -> Outcome {
        Delivery::new(self, entries, now, patience).run().await
    }

    /// How long to let the receiver be after the failures so far.
    pub(crate) fn wait(&self, obstacle: &Obstacle) -> Duration {
        let wait = self.settings.backoff.wait(self.failures, fastrand::f64());
        wait.max(obstacle.retry_after.unwrap_or_default())
    }

    /// One try. `within` limits it beside the settings' own limit.
    pub(crate) async fn once(
        &mut self,
        body: &bytes::Bytes,
        sent: Sent,
        now: Timestamp,
        within: Option<Instant>,
    ) -> Answer {
        let sent = Sent { proven: self.proven, ..sent };
        let ours = Instant::now() + self.settings.timeout;
        let until = within.map_or(ours, |within| within.min(ours));
        let answer = match tokio::time::timeout_at(until, self.exchange(body, sent, now)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(cause)) => Answer::Later(Obstacle::unanswered(cause)),
            Err(_) => Answer::Later(Obstacle::unanswered("no answer in time".to_owned())),
        };
        match &answer {
            Answer::Later(obstacle) => {
                self.failures = self.failures.saturating_add(1);
                tracing::debug!(%obstacle, failures = self.failures, "not taken now");
            }
            _ => self.failures = 0,
        }
        answer
    }

    async fn exchange(
        &mut self,
        body: &bytes::Bytes,
        sent: Sent,
        now: Timestamp,
    ) -> Result<Answer, String> {
        let mut request = Request::new(Method::POST, self.settings.url.clone());
        let headers = request.headers_mut();
        headers.extend(self.headers.clone());
        let fixed = HeaderValue::from_static;
        headers.insert(CONTENT_TYPE, fixed(sent.protocol.content_type()));
        headers.insert(CONTENT_ENCODING, fixed("snappy"));
        headers.insert("x-prometheus-remote-write-version", fixed(sent.protocol.version()));
        *request.body_mut() = Some(body.clone().into());
        let signed = self.settings.auth.apply(&mut request, SystemTime::from(now)).await;
        signed.map_err(|error| self.chain(&error))?;
        let response = self.http.execute(request).await;
        // The URL may hold a token of its own in path or query.
        let response = response.map_err(|error| self.chain(&error.without_url()))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let words = words(&read(response).await, &self.secrets);
        self.proven |= sent.protocol == Protocol::V2 && proves(&headers);
        tracing::debug!(%status, words, bytes = body.len(), "answered");
        Ok(judge(status, &headers, words, sent, now))
    }

    fn chain(&self, error: &dyn std::error::Error) -> String {
        let mut line = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        words(line.as_bytes(), &self.secrets)
    }
}

/// The start of an answer. What can't be read of it is no reason to doubt its status.
async fn read(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < MAX_ANSWER {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk[..chunk.len().min(MAX_ANSWER)]),
            Ok(None) | Err(_) => break,
        }
    }
    body
}
