//! Classifies the answers of a receiver.

use std::fmt;
use std::time::Duration;

use redact::Redactor;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};

use crate::backoff::retry_after;
use samples::{Protocol, Timestamp};

/// Longest accepted `Retry-After`; a mistake of the receiver must not stop delivery for days.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(600);

/// Characters of a response body that are kept.
const LONGEST_BODY: usize = 300;

/// Statuses that reject the samples. Others (an expired token, a wrong path, a proxy without its
/// backend) are about the configuration: an operator fixes it, then the same samples are accepted.
const FINAL: [u16; 5] = [400, 409, 413, 415, 422];

#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    /// Stored. `unaccounted` samples are missing from the count of the receiver.
    Accepted { unaccounted: usize },
    /// Stored except for `rejected` samples. The receiver does not say which.
    PartlyAccepted { rejected: usize, rejection: Rejection },
    /// A 2.0 receiver examined each sample and stored none.
    NoneWritten(Rejection),
    /// The receiver does not support the version of the request.
    OtherProtocol,
    /// The same request would be rejected again.
    Rejected(Rejection),
    /// The same request may be accepted later.
    Later(TemporaryFailure),
}

/// A permanent rejection by the receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    pub status: u16,
    /// The response body: shortened, without secrets and control characters. May be empty.
    pub body: String,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, body } = self;
        if body.is_empty() { write!(f, "{status}") } else { write!(f, "{status} `{body}`") }
    }
}

/// Why a request was not accepted this time. It may be accepted later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TemporaryFailure {
    /// `None` when there was no answer.
    pub(crate) status: Option<u16>,
    /// The response body, or the transport error.
    pub(crate) detail: String,
    /// `Retry-After` of the answer.
    pub(crate) retry_after: Option<Duration>,
    /// There was no time for the request.
    pub(crate) out_of_time: bool,
    /// There was no answer in time.
    pub(crate) timed_out: bool,
    /// Every attempt of the request got 500.
    pub(crate) only_500: bool,
}

impl Rejection {
    /// Whether a part of such a request may be accepted.
    pub(crate) fn is_divisible(&self) -> bool {
        matches!(self.status, 400 | 413 | 422)
    }
}

impl From<Rejection> for TemporaryFailure {
    fn from(Rejection { status, body }: Rejection) -> Self {
        Self { status: Some(status), ..Self::unanswered(body) }
    }
}

impl TemporaryFailure {
    pub(crate) fn unanswered(detail: String) -> Self {
        Self {
            status: None,
            detail,
            retry_after: None,
            out_of_time: false,
            timed_out: false,
            only_500: false,
        }
    }

    pub(crate) fn out_of_time() -> Self {
        Self { out_of_time: true, ..Self::unanswered("no time left".to_owned()) }
    }

    pub(crate) fn timed_out(limit: Duration) -> Self {
        let detail = format!("no answer within {} s", limit.as_secs_f64());
        Self { timed_out: true, ..Self::unanswered(detail) }
    }

    /// Whether it may end within seconds without an operator.
    pub(crate) fn is_transient(&self) -> bool {
        self.status.is_none_or(|status| status >= 500 || matches!(status, 408 | 425 | 429))
    }
}

impl fmt::Display for TemporaryFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, detail, .. } = self;
        match status {
            Some(status) if detail.is_empty() => write!(f, "{status}"),
            Some(status) => write!(f, "{status} `{detail}`"),
            None => f.write_str(detail),
        }
    }
}

/// What a request contains, as 2.0 counts it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) protocol: Protocol,
    pub(crate) samples: usize,
    pub(crate) histograms: usize,
    /// The receiver has answered this version with counts before.
    pub(crate) proven: bool,
}

/// Decides by status and headers only; the specification forbids interpreting the body.
pub(crate) fn judge(
    status: StatusCode,
    headers: &HeaderMap,
    body: String,
    sent: Sent,
    now: Timestamp,
) -> Answer {
    let later = |body, retry_after| {
        Answer::Later(TemporaryFailure {
            status: Some(status.as_u16()),
            retry_after,
            ..TemporaryFailure::unanswered(body)
        })
    };
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        let value = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = value.and_then(|value| retry_after(value, now));
        return later(body, wait.map(|wait| wait.min(LONGEST_RETRY_AFTER)));
    }
    let written = Written::from(headers);
    let is_v2 = sent.protocol == Protocol::V2;
    let missing = if is_v2 { written.missing(sent) } else { 0 };
    match status {
        // A 1.0 receiver that ignores the content type stores nothing and answers with success.
        status if status.is_success() && is_v2 && !written.counted => Answer::OtherProtocol,
        status if status.is_success() => Answer::Accepted { unaccounted: missing },
        StatusCode::UNSUPPORTED_MEDIA_TYPE if is_v2 => Answer::OtherProtocol,
        // A receiver that never answered with counts may be unable to read 2.0.
        StatusCode::BAD_REQUEST if is_v2 && !written.counted && !sent.proven => {
            Answer::OtherProtocol
        }
        status if !FINAL.contains(&status.as_u16()) => later(body, None),
        _ if is_v2 && missing == 0 => Answer::Accepted { unaccounted: 0 },
        _ => {
            let rejection = Rejection { status: status.as_u16(), body };
            if is_v2 && missing < sent.samples + sent.histograms {
                Answer::PartlyAccepted { rejected: missing, rejection }
            } else if is_v2 && written.counted && status == StatusCode::BAD_REQUEST {
                Answer::NoneWritten(rejection)
            } else {
                Answer::Rejected(rejection)
            }
        }
    }
}

/// The counts of a 2.0 answer; a missing count is 0.
struct Written {
    counted: bool,
    samples: usize,
    histograms: usize,
}

impl From<&HeaderMap> for Written {
    fn from(headers: &HeaderMap) -> Self {
        let count = |what: &str| -> Option<usize> {
            let value = headers.get(format!("x-prometheus-remote-write-{what}-written"))?;
            value.to_str().ok()?.trim().parse().ok()
        };
        let [samples, histograms, exemplars] = ["samples", "histograms", "exemplars"].map(count);
        Self {
            counted: samples.or(histograms).or(exemplars).is_some(),
            samples: samples.unwrap_or(0),
            histograms: histograms.unwrap_or(0),
        }
    }
}

impl Written {
    /// How many of the sent samples and histograms were not written.
    fn missing(&self, sent: Sent) -> usize {
        sent.samples.saturating_sub(self.samples) + sent.histograms.saturating_sub(self.histograms)
    }
}

/// Whether the answer proves that the receiver supports 2.0.
pub(crate) fn proves(headers: &HeaderMap) -> bool {
    Written::from(headers).counted
}

/// Where a redirect points, without the query, which may contain a token.
pub(crate) fn location(status: StatusCode, headers: &HeaderMap) -> Option<String> {
    let location = headers.get(LOCATION).filter(|_| status.is_redirection())?.to_str().ok()?;
    Some(location.split(['?', '#']).next().unwrap_or_default().to_owned())
}

/// A text for logs: one short line without any of `secrets`.
pub(crate) fn one_line(body: &[u8], secrets: &Redactor) -> String {
    redact::one_line(&secrets.redact(&String::from_utf8_lossy(body)), LONGEST_BODY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, fields: &[(&str, &str)], protocol: Protocol, proven: bool) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name: reqwest::header::HeaderName = name.parse().unwrap();
            headers.insert(name, value.parse().unwrap());
        }
        let sent = Sent { protocol, samples: 3, histograms: 1, proven };
        let status = StatusCode::from_u16(status).unwrap();
        let now = Timestamp::from_millis(784_111_777_000);
        match judge(status, &headers, "why".into(), sent, now) {
            Answer::Accepted { unaccounted: 0 } => "taken".into(),
            Answer::Accepted { unaccounted } => format!("taken but {unaccounted}"),
            Answer::PartlyAccepted { rejected, rejection } => {
                format!("but {rejected}: {rejection}")
            }
            Answer::NoneWritten(rejection) => format!("none: {rejection}"),
            Answer::OtherProtocol => "other protocol".into(),
            Answer::Rejected(rejection) => format!("rejected: {rejection}"),
            Answer::Later(failure) => {
                let wait = failure.retry_after.map(|wait| wait.as_secs());
                format!("later: {failure} {wait:?}")
            }
        }
    }

    const SAMPLES: &str = "x-prometheus-remote-write-samples-written";
    const HISTOGRAMS: &str = "x-prometheus-remote-write-histograms-written";

    /// Status, headers, version, whether it is proven; the meaning.
    type Case = (u16, &'static [(&'static str, &'static str)], Protocol, bool, &'static str);

    #[test]
    fn status_and_headers_decide_the_answer() {
        let (v1, v2) = (Protocol::V1, Protocol::V2);
        let cases: &[Case] = &[
            (204, &[], v1, false, "taken"),
            (200, &[], v1, false, "taken"),
            (400, &[], v1, false, "rejected: 400 `why`"),
            (409, &[], v1, false, "rejected: 409 `why`"),
            (401, &[], v1, false, "later: 401 `why` None"),
            (301, &[], v1, false, "later: 301 `why` None"),
            (415, &[], v1, false, "rejected: 415 `why`"),
            (429, &[("retry-after", "7")], v1, false, "later: 429 `why` Some(7)"),
            (429, &[("retry-after", "86400")], v1, false, "later: 429 `why` Some(600)"),
            (500, &[], v1, false, "later: 500 `why` None"),
            (
                503,
                &[("retry-after", "Sun, 06 Nov 1994 08:49:40 GMT")],
                v1,
                false,
                "later: 503 `why` Some(3)",
            ),
            (204, &[(SAMPLES, "3"), (HISTOGRAMS, "1")], v2, false, "taken"),
            (204, &[(SAMPLES, "2"), (HISTOGRAMS, "1")], v2, false, "taken but 1"),
            (204, &[(SAMPLES, "3")], v2, false, "taken but 1"),
            (204, &[], v2, true, "other protocol"),
            (415, &[], v2, true, "other protocol"),
            (400, &[], v2, false, "other protocol"),
            (400, &[], v2, true, "rejected: 400 `why`"),
            (400, &[(SAMPLES, "2")], v2, false, "but 2: 400 `why`"),
            (400, &[(SAMPLES, "0")], v2, false, "none: 400 `why`"),
            (413, &[(SAMPLES, "0")], v2, false, "rejected: 413 `why`"),
            (400, &[(SAMPLES, "3"), (HISTOGRAMS, "1")], v2, false, "taken"),
            (404, &[], v2, false, "later: 404 `why` None"),
            (500, &[(SAMPLES, "2")], v2, false, "later: 500 `why` None"),
        ];
        for (status, fields, protocol, proven, expected) in cases {
            let actual = judged(*status, fields, *protocol, *proven);
            assert_eq!(&actual, expected, "{status} {fields:?} {protocol} proven: {proven}");
        }
    }

    /// What becomes of the samples of a request, and the requested wait in seconds.
    fn decision(answer: Answer) -> (&'static str, Option<u64>) {
        match answer {
            Answer::Accepted { .. } => ("stored", None),
            Answer::PartlyAccepted { .. } | Answer::NoneWritten(_) => ("counted", None),
            Answer::OtherProtocol => ("send over 1.0", None),
            Answer::Rejected(rejection) if rejection.is_divisible() => ("split", None),
            Answer::Rejected(_) => ("drop", None),
            Answer::Later(failure) => {
                let kept = if failure.is_transient() { "retry" } else { "keep" };
                (kept, failure.retry_after.map(|wait| wait.as_secs()))
            }
        }
    }

    /// Status; the decision over 1.0, over 2.0 at the first contact, and over 2.0 later.
    const DECISIONS: &[(u16, [&str; 3])] = &[
        (200, ["stored", "send over 1.0", "send over 1.0"]),
        (202, ["stored", "send over 1.0", "send over 1.0"]),
        (204, ["stored", "send over 1.0", "send over 1.0"]),
        (301, ["keep"; 3]),
        (304, ["keep"; 3]),
        (308, ["keep"; 3]),
        (400, ["split", "send over 1.0", "split"]),
        (401, ["keep"; 3]),
        (403, ["keep"; 3]),
        (404, ["keep"; 3]),
        (405, ["keep"; 3]),
        (408, ["retry"; 3]),
        (409, ["drop"; 3]),
        (413, ["split"; 3]),
        (415, ["drop", "send over 1.0", "send over 1.0"]),
        (422, ["split"; 3]),
        (425, ["retry"; 3]),
        (429, ["retry"; 3]),
        (500, ["retry"; 3]),
        (501, ["retry"; 3]),
        (502, ["retry"; 3]),
        (503, ["retry"; 3]),
        (504, ["retry"; 3]),
        (599, ["retry"; 3]),
        (999, ["retry"; 3]),
    ];

    /// `Retry-After`, and the wait in seconds after 429 and 5xx; other statuses have none.
    const WAITS: &[(Option<&str>, Option<u64>)] = &[
        (None, None),
        (Some("0"), Some(0)),
        (Some("7"), Some(7)),
        (Some("Sun, 06 Nov 1994 08:49:40 GMT"), Some(3)),
        (Some("Sunday, 06-Nov-94 08:49:40 GMT"), Some(3)),
        (Some("Sun, 06 Nov 1994 08:49:30 GMT"), Some(0)),
        (Some("Fri, 31 Dec 9999 23:59:59 GMT"), Some(600)),
        (Some("86400"), Some(600)),
        (Some("99999999999999999999"), Some(600)),
        (Some("soon"), None),
        (Some("-3"), None),
        (Some("1.5"), None),
        (Some(""), None),
    ];

    #[test]
    fn status_sets_the_decision_and_retry_after_the_wait() {
        let now = Timestamp::from_millis(784_111_777_000);
        let kinds = [(Protocol::V1, false), (Protocol::V2, false), (Protocol::V2, true)];
        for (status, decisions) in DECISIONS {
            for ((protocol, proven), decided) in kinds.into_iter().zip(decisions) {
                for (value, wait) in WAITS {
                    let value = value.map(|value| (RETRY_AFTER, value.parse().unwrap()));
                    let headers: HeaderMap = value.into_iter().collect();
                    let sent = Sent { protocol, samples: 3, histograms: 1, proven };
                    let code = StatusCode::from_u16(*status).unwrap();
                    let found = decision(judge(code, &headers, String::new(), sent, now));
                    let wait = wait.filter(|_| matches!(*status, 429 | 500..600));
                    let case = format!("{status} {headers:?} {protocol} proven: {proven}");
                    assert_eq!(found, (*decided, wait), "{case}");
                }
            }
        }
    }

    #[test]
    fn answer_is_one_short_line_without_secrets() {
        let secrets = Redactor::new(&["hunter2".into(), "Zm9v/YmFy+cXV4=".into()]);
        assert_eq!(
            one_line(b"no hunter2\r\n\x1b[31mhere \xff\n", &secrets),
            "no [secret] [31mhere \u{fffd}"
        );
        assert_eq!(
            one_line(b"token=Zm9v%2FYmFy%2BcXV4%3D\xe2\x80\xae", &secrets),
            "token=[secret]"
        );
        let long = one_line("é".repeat(1000).as_bytes(), &secrets);
        assert_eq!(long.chars().count(), LONGEST_BODY + 1);
        assert_eq!(one_line(b"", &secrets), "");
    }
}
