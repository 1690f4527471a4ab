//! Makes the HTTP requests of a delivery, with retries until a deadline.

use std::sync::OnceLock;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use redact::{Redactor, one_line};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use tokio::time::Instant;

use crate::payload::HttpRequest;
use crate::receiver::Resolved;

/// Bytes of an answer that are read.
const LONGEST_ANSWER: usize = 2_048;
/// Characters of an answer in an error.
const LONGEST_EXCERPT: usize = 200;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How often a request is made, and how long each step may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// At least 1.
    pub attempts: u32,
    /// Of one attempt.
    pub timeout: Duration,
    /// The wait before the second attempt. It doubles before each further one.
    pub first_wait: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        let (timeout, first_wait) = (Duration::from_secs(5), Duration::from_millis(500));
        Self { attempts: 4, timeout, first_wait }
    }
}

/// Why a receiver did not accept a request. It never contains the URL or another secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    #[error("receiver `{receiver}` did not answer in time")]
    Timeout { receiver: String },
    #[error("receiver `{receiver}` could not be reached")]
    Unreachable { receiver: String, source: reqwest::Error },
    /// Another attempt may succeed.
    #[error("receiver `{receiver}` is unavailable (HTTP {status}): {answer}")]
    Unavailable { receiver: String, status: u16, answer: String },
    /// Another attempt gets the same answer.
    #[error("receiver `{receiver}` rejected the notification (HTTP {status}): {answer}")]
    Rejected { receiver: String, status: u16, answer: String },
}

impl SendError {
    /// Whether the receiver may have taken the request although no answer arrived.
    #[must_use]
    pub fn may_be_accepted(&self) -> bool {
        match self {
            Self::Timeout { .. } => true,
            Self::Unreachable { source, .. } => !source.is_connect() && !source.is_builder(),
            Self::Unavailable { .. } | Self::Rejected { .. } => false,
        }
    }

    /// Whether the same request may be accepted later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        !matches!(self, Self::Rejected { .. })
    }
}

/// Sends to all HTTP receivers.
#[derive(Debug, Default)]
pub struct Sender {
    policy: RetryPolicy,
    /// Created by the first request, since it reads the trusted certificates.
    http: OnceLock<reqwest::Client>,
}

/// Why one attempt failed.
struct FailedAttempt {
    error: SendError,
    /// `Retry-After` of the answer.
    wait: Option<Duration>,
}

impl Sender {
    #[must_use]
    pub fn new(policy: RetryPolicy) -> Self {
        Self { policy, http: OnceLock::new() }
    }

    /// Makes the requests in their order. The last attempt begins before `deadline` and ends at it.
    ///
    /// # Errors
    /// For the first request that was not accepted.
    pub async fn send(
        &self,
        receiver: &Resolved,
        requests: &[HttpRequest],
        deadline: Instant,
    ) -> Result<(), SendError> {
        for request in requests {
            self.send_one(receiver, request, deadline).await?;
        }
        Ok(())
    }

    async fn send_one(
        &self,
        receiver: &Resolved,
        request: &HttpRequest,
        deadline: Instant,
    ) -> Result<(), SendError> {
        let mut wait = self.policy.first_wait;
        let mut attempt = 1;
        loop {
            let failed = match self.attempt(receiver, request, deadline).await {
                Ok(()) => return Ok(()),
                Err(failed) => failed,
            };
            // Receivers that failed together are not tried again together.
            let pause = failed.wait.unwrap_or_else(|| wait.mul_f64(0.5 + 0.5 * fastrand::f64()));
            let next = Instant::now().checked_add(pause);
            let in_time = next.is_some_and(|next| next < deadline);
            if !failed.error.is_transient() || attempt == self.policy.attempts.max(1) || !in_time {
                return Err(failed.error);
            }
            tokio::time::sleep(pause).await;
            wait *= 2;
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        receiver: &Resolved,
        request: &HttpRequest,
        deadline: Instant,
    ) -> Result<(), FailedAttempt> {
        let name = || receiver.name.clone();
        let until = deadline.min(Instant::now() + self.policy.timeout);
        let exchange = async {
            let http = self.client()?;
            let mut built = http.request(request.method.clone(), request.url.0.clone());
            let own_type = request.headers.iter().any(|(name, _)| *name == CONTENT_TYPE);
            if !own_type {
                built = built.header(CONTENT_TYPE, request.content_type);
            }
            for (name, value) in &request.headers {
                built = built.header(name, value);
            }
            let mut response = built.body(request.body.0.clone()).send().await?;
            let status = response.status();
            let wait = response.headers().get(RETRY_AFTER);
            let wait = wait.and_then(|value| retry_after(value.to_str().ok()?, Timestamp::now()));
            let mut answer = Vec::new();
            // The status decides; an answer that breaks off is shown as far as it came.
            while let Ok(Some(chunk)) = response.chunk().await {
                answer.extend_from_slice(&chunk);
                if LONGEST_ANSWER <= answer.len() {
                    break;
                }
            }
            Ok::<_, reqwest::Error>((status, wait, answer))
        };
        match tokio::time::timeout_at(until, exchange).await {
            Err(_) => {
                Err(FailedAttempt { error: SendError::Timeout { receiver: name() }, wait: None })
            }
            Ok(Err(error)) => {
                let source = error.without_url();
                Err(FailedAttempt {
                    error: SendError::Unreachable { receiver: name(), source },
                    wait: None,
                })
            }
            Ok(Ok((status, ..))) if status.is_success() => Ok(()),
            Ok(Ok((status, wait, answer))) => {
                let answer = excerpt(&answer, &receiver.redactor);
                let (receiver, code) = (name(), status.as_u16());
                let transient = status.is_server_error()
                    || matches!(
                        status,
                        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
                    );
                let error = if transient {
                    SendError::Unavailable { receiver, status: code, answer }
                } else {
                    SendError::Rejected { receiver, status: code, answer }
                };
                Err(FailedAttempt { error, wait })
            }
        }
    }

    fn client(&self) -> Result<&reqwest::Client, reqwest::Error> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let built = reqwest::Client::builder()
            .user_agent(concat!("vigie/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            // A redirect would carry the notification and its credentials to another host.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(self.http.get_or_init(|| built))
    }
}

fn excerpt(answer: &[u8], redactor: &Redactor) -> String {
    let answer = String::from_utf8_lossy(answer);
    let text = one_line(&redactor.redact(&answer), LONGEST_EXCERPT);
    if text.is_empty() { "no text".to_owned() } else { redact::redact_credentials(&text) }
}

/// The value of `Retry-After`: seconds, which Discord sends with a fraction, or a date.
fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-11-22T14:05:00Z".parse().unwrap();
        let cases = [
            ("7", Some(Duration::from_secs(7))),
            ("0.25", Some(Duration::from_millis(250))),
            ("Sun, 22 Nov 2026 14:05:30 GMT", Some(Duration::from_secs(30))),
            ("Sun, 22 Nov 2026 14:00:00 GMT", Some(Duration::ZERO)),
            ("-1", None),
            ("soon", None),
            ("1e400", None),
        ];
        for (value, expected) in cases {
            assert_eq!(retry_after(value, now), expected, "{value}");
        }
    }
}
