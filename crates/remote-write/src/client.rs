//! The client of one receiver, and its state.

use std::time::{Duration, SystemTime};

use redact::Redactor;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Request, Response};
use samples::{Encoder, Protocol, Timestamp};
use tokio::time::Instant;

use crate::answer::{Answer, Sent, TemporaryFailure, judge, location, one_line, proves};
use crate::auth::AuthError;
use crate::metadata::SentMetadata;
use crate::suspects::Suspects;
use crate::{Settings, SettingsError};

/// Bytes of a response body that are read.
const MAX_ANSWER: usize = 2048;

/// A receiver that does not accept requests is reported after this time.
const REPORT_AFTER: Duration = Duration::from_secs(10);

/// Limit of a request after one got no answer in time.
const TIMEOUT_AFTER_A_TIMEOUT: Duration = Duration::from_secs(3);

/// Sends to one receiver, one request at a time, so that the order of samples is kept.
///
/// It remembers the protocol version of the receiver, failed attempts and rejected series, so keep one
/// client for as long as the receiver is used.
pub struct Client {
    pub(crate) settings: Settings,
    pub(crate) encoder: Encoder,
    pub(crate) protocol: Protocol,
    /// Failed attempts in a row.
    pub(crate) failures: u32,
    pub(crate) suspects: Suspects,
    pub(crate) metadata: SentMetadata,
    /// Counts requests with suspects, so that another one is tried alone each time.
    pub(crate) suspect_round: usize,
    /// The status with which the receiver rejected a whole request and all samples of it that were
    /// tried alone; nothing was accepted since.
    pub(crate) rejects_all: Option<u16>,
    /// When a search for samples at fault ended without an accepted request; nothing was accepted since.
    pub(crate) search_failed_at: Option<Instant>,
    accepted_at: Option<Instant>,
    failing: Option<Failing>,
    timed_out: bool,
    headers: HeaderMap,
    secrets: Redactor,
    http: reqwest::Client,
    proven: bool,
}

/// A receiver that does not accept requests for now.
struct Failing {
    since: Instant,
    error: String,
    reported: bool,
}

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
enum ExchangeError {
    #[error(transparent)]
    Auth(#[from] AuthError),
    #[error("the request failed")]
    Transport(#[from] reqwest::Error),
}

impl Client {
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            encoder: encoder(&settings),
            protocol: settings.protocol,
            failures: 0,
            suspects: Suspects::default(),
            metadata: SentMetadata::default(),
            suspect_round: 0,
            rejects_all: None,
            search_failed_at: None,
            accepted_at: None,
            failing: None,
            timed_out: false,
            headers: settings.header_map()?,
            secrets: settings.redactor(),
            http: settings.http()?,
            proven: false,
            settings,
        })
    }

    /// The current version: 1.0 once the receiver has shown that it does not support 2.0.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Waits before the next request, and reports a receiver that has not accepted any for 10 s.
    pub async fn wait_until(&mut self, next: Instant) {
        if let Some(failing) = &mut self.failing
            && !failing.reported
            && failing.since + REPORT_AFTER <= next
        {
            tokio::time::sleep_until(failing.since + REPORT_AFTER).await;
            failing.reported = true;
            let (error, waits_seconds) = (&failing.error, (next - Instant::now()).as_secs());
            tracing::warn!(error, waits_seconds, "Receiver does not accept samples; they are kept");
        }
        tokio::time::sleep_until(next).await;
    }

    /// How long to wait after the failures so far.
    pub(crate) fn wait(&self, failure: &TemporaryFailure) -> Duration {
        let wait = self.settings.backoff.wait(self.failures, fastrand::f64());
        wait.max(failure.retry_after.unwrap_or_default())
    }

    pub(crate) fn accepted_within(&self, time: Duration) -> bool {
        self.accepted_at.is_some_and(|at| at.elapsed() <= time)
    }

    /// One attempt. `within` limits it in addition to the time limit of the settings.
    pub(crate) async fn once(
        &mut self,
        body: &bytes::Bytes,
        sent: Sent,
        now: Timestamp,
        within: Option<Instant>,
    ) -> Answer {
        let sent = Sent { proven: self.proven, ..sent };
        let timeout = self.settings.timeout;
        let timeout = if self.timed_out { timeout.min(TIMEOUT_AFTER_A_TIMEOUT) } else { timeout };
        let own = Instant::now() + timeout;
        let until = within.map_or(own, |within| within.min(own));
        let exchange = tokio::time::timeout_at(until, self.exchange(body, sent, now)).await;
        self.timed_out = exchange.is_err();
        let answer = match exchange {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => Answer::Later(TemporaryFailure::unanswered(self.chain(&error))),
            Err(_) => Answer::Later(TemporaryFailure::timed_out(timeout)),
        };
        self.note(&answer);
        answer
    }

    fn note(&mut self, answer: &Answer) {
        if let Answer::Later(failure) = answer {
            self.failures = self.failures.saturating_add(1);
            tracing::debug!(error = %failure, failures = self.failures, "Request failed");
            let (since, error) = (Instant::now(), failure.to_string());
            let failing = self.failing.get_or_insert(Failing {
                since,
                error: String::new(),
                reported: false,
            });
            failing.error = error;
            return;
        }
        self.failures = 0;
        if let Some(Failing { since, reported: true, .. }) = self.failing.take() {
            let failing_seconds = since.elapsed().as_secs();
            tracing::info!(failing_seconds, "Receiver accepts samples again");
        }
        if matches!(answer, Answer::Accepted { .. } | Answer::PartlyAccepted { .. }) {
            self.accepted_at = Some(Instant::now());
            (self.rejects_all, self.search_failed_at) = (None, None);
        }
    }

    async fn exchange(
        &mut self,
        body: &bytes::Bytes,
        sent: Sent,
        now: Timestamp,
    ) -> Result<Answer, ExchangeError> {
        let mut request = Request::new(Method::POST, self.settings.url.clone());
        let headers = request.headers_mut();
        headers.extend(self.headers.clone());
        let fixed = HeaderValue::from_static;
        headers.insert(CONTENT_TYPE, fixed(sent.protocol.content_type()));
        headers.insert(CONTENT_ENCODING, fixed("snappy"));
        headers.insert("x-prometheus-remote-write-version", fixed(sent.protocol.version()));
        *request.body_mut() = Some(body.clone().into());
        self.settings.auth.apply(&mut request, SystemTime::from(now)).await?;
        // The URL may contain a token in its path or query.
        let response = self.http.execute(request).await.map_err(reqwest::Error::without_url)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let answered = match location(status, &headers) {
            Some(location) => one_line(location.as_bytes(), &self.secrets),
            None => one_line(&read(response).await, &self.secrets),
        };
        self.proven |= sent.protocol == Protocol::V2 && proves(&headers);
        tracing::debug!(%status, body = answered, request_bytes = body.len(), "Receiver answered");
        Ok(judge(status, &headers, answered, sent, now))
    }

    fn chain(&self, error: &dyn std::error::Error) -> String {
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        let line = causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"));
        one_line(line.as_bytes(), &self.secrets)
    }
}

fn encoder(settings: &Settings) -> Encoder {
    let encoder = Encoder::default().with_cache(settings.cache_bytes);
    if settings.exemplars_over_1_0 { encoder.with_exemplars_over_1_0() } else { encoder }
}

/// The start of a response body. A body that breaks off does not change the meaning of the status.
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::{Event, Level, Subscriber, span};

    use super::*;

    /// The times of the logged warnings.
    #[derive(Clone, Default)]
    struct Warnings(Arc<Mutex<Vec<Instant>>>);

    impl Warnings {
        fn times(&self) -> Vec<Instant> {
            self.0.lock().unwrap().clone()
        }
    }

    impl Subscriber for Warnings {
        fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
            *metadata.level() == Level::WARN
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn event(&self, _: &Event<'_>) {
            self.0.lock().unwrap().push(Instant::now());
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
        fn enter(&self, _: &span::Id) {}
        fn exit(&self, _: &span::Id) {}
    }

    /// What a sender does after an answer that says "later".
    async fn is_refused(client: &mut Client, retry_after: Option<u64>) {
        let failure = TemporaryFailure {
            status: Some(503),
            retry_after: retry_after.map(Duration::from_secs),
            ..TemporaryFailure::unanswered("busy".to_owned())
        };
        client.note(&Answer::Later(failure.clone()));
        let next = Instant::now() + client.wait(&failure);
        client.wait_until(next).await;
    }

    #[tokio::test(start_paused = true)]
    async fn unavailable_receiver_is_reported_once_after_10_seconds() {
        for retry_after in [None, Some(0), Some(1), Some(3), Some(9), Some(10), Some(60), Some(600)]
        {
            let warnings = Warnings::default();
            let _logging = tracing::subscriber::set_default(warnings.clone());
            let mut client = Client::new(Settings::new("http://127.0.0.1:9/").unwrap()).unwrap();
            let began = Instant::now();
            while began.elapsed() < Duration::from_secs(1_500) {
                is_refused(&mut client, retry_after).await;
            }
            let times = warnings.times();
            assert_eq!(times.len(), 1, "Retry-After {retry_after:?}");
            assert_eq!((times[0] - began).as_secs(), 10, "Retry-After {retry_after:?}");

            // The next outage is reported too.
            client.note(&Answer::Accepted { unaccounted: 0 });
            let began = Instant::now();
            while began.elapsed() < Duration::from_secs(15) {
                is_refused(&mut client, retry_after).await;
            }
            assert_eq!(warnings.times().len(), 2, "Retry-After {retry_after:?}");
        }
    }
}
