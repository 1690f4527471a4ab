//! What a receiver's answer means for what was sent.

use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::backoff::retry_after;
use samples::{Protocol, Timestamp};

/// Longest wait that a receiver may ask for; a slip on its side must not silence us for days.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(600);

/// Characters of a receiver's words that are kept.
const WORDS: usize = 300;

/// Refusals of what was sent. Any other (a token that ran out, a path that is wrong, a proxy without its
/// backend) is about who sent it and where to: a person mends it, and the samples are as good as before.
const FINAL: [u16; 5] = [400, 409, 413, 415, 422];

#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    /// Stored. `unaccounted` samples are missing from the receiver's own count.
    Taken { unaccounted: usize },
    /// Stored but for `refused` samples, which would be refused again. Which ones is not told.
    Partly { refused: usize, rejection: Rejection },
    /// The receiver does not know the version that was spoken.
    OtherProtocol,
    /// The same request would be refused again.
    Never(Rejection),
    /// The same request may be taken later.
    Later(Obstacle),
}

/// A receiver's final refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    pub status: u16,
    /// What the receiver said about it, for people: shortened, without secrets and control
    /// characters. Empty when it said nothing.
    pub words: String,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, words } = self;
        if words.is_empty() { write!(f, "{status}") } else { write!(f, "{status} `{words}`") }
    }
}

/// Why a request was not taken this time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Obstacle {
    /// `None` when there was no answer.
    pub(crate) status: Option<u16>,
    /// What the receiver said, or what happened to the connection.
    pub(crate) words: String,
    /// What the receiver asked for.
    pub(crate) retry_after: Option<Duration>,
}

impl Obstacle {
    pub(crate) fn unanswered(words: String) -> Self {
        Self { status: None, words, retry_after: None }
    }

    /// Whether it may be gone within seconds, without anybody's doing.
    pub(crate) fn passes(&self) -> bool {
        self.status.is_none_or(|status| status >= 500 || matches!(status, 408 | 425 | 429))
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, words, .. } = self;
        match status {
            Some(status) if words.is_empty() => write!(f, "{status}"),
            Some(status) => write!(f, "{status} `{words}`"),
            None => f.write_str(words),
        }
    }
}

/// What was in a request, as 2.0 counts it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) protocol: Protocol,
    pub(crate) samples: usize,
    pub(crate) histograms: usize,
    /// The receiver has shown before that it knows this version.
    pub(crate) proven: bool,
}

/// Decides by status and headers alone: texts are for people.
pub(crate) fn judge(
    status: StatusCode,
    headers: &HeaderMap,
    words: String,
    sent: Sent,
    now: Timestamp,
) -> Answer {
    let later = |words, retry_after| {
        Answer::Later(Obstacle { status: Some(status.as_u16()), words, retry_after })
    };
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        let value = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = value.and_then(|value| retry_after(value, now));
        return later(words, wait.map(|wait| wait.min(LONGEST_RETRY_AFTER)));
    }
    let written = Written::from(headers);
    let is_v2 = sent.protocol == Protocol::V2;
    let missing = if is_v2 { written.missing(sent) } else { 0 };
    match status {
        // A 1.0 receiver that looks at no content type stores nothing and says that all is well.
        status if status.is_success() && is_v2 && !written.told => Answer::OtherProtocol,
        status if status.is_success() => Answer::Taken { unaccounted: missing },
        StatusCode::UNSUPPORTED_MEDIA_TYPE if is_v2 => Answer::OtherProtocol,
        // A receiver that never spoke 2.0 may mean that it can't read it.
        StatusCode::BAD_REQUEST if is_v2 && !written.told && !sent.proven => Answer::OtherProtocol,
        status if !FINAL.contains(&status.as_u16()) => later(words, None),
        _ if is_v2 && missing == 0 => Answer::Taken { unaccounted: 0 },
        _ => {
            let rejection = Rejection { status: status.as_u16(), words };
            if is_v2 && missing < sent.samples + sent.histograms {
                Answer::Partly { refused: missing, rejection }
            } else {
                Answer::Never(rejection)
            }
        }
    }
}

/// The counts of a 2.0 answer; what is not told counts as none.
struct Written {
    told: bool,
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
            told: samples.or(histograms).or(exemplars).is_some(),
            samples: samples.unwrap_or(0),
            histograms: histograms.unwrap_or(0),
        }
    }
}

impl Written {
    /// How many of what was sent are not among them.
    fn missing(&self, sent: Sent) -> usize {
        sent.samples.saturating_sub(self.samples) + sent.histograms.saturating_sub(self.histograms)
    }
}

/// Whether the version that was spoken is now known to be understood.
pub(crate) fn proves(headers: &HeaderMap) -> bool {
    Written::from(headers).told
}

/// A body as a person may read it in a log: one line, short, without any of `secrets`.
pub(crate) fn words(body: &[u8], secrets: &[String]) -> String {
    let mut text = String::from_utf8_lossy(body).into_owned();
    for secret in secrets {
        text = text.replace(secret.as_str(), "[secret]");
    }
    let line = text.split(|each: char| each.is_control() || each.is_whitespace());
    let line = line.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(WORDS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, told: &[(&str, &str)], protocol: Protocol, proven: bool) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in told {
            let name: reqwest::header::HeaderName = name.parse().unwrap();
            headers.insert(name, value.parse().unwrap());
        }
        let sent = Sent { protocol, samples: 3, histograms: 1, proven };
        let status = StatusCode::from_u16(status).unwrap();
        let now = Timestamp::from_millis(784_111_777_000);
        match judge(status, &headers, "why".into(), sent, now) {
            Answer::Taken { unaccounted: 0 } => "taken".into(),
            Answer::Taken { unaccounted } => format!("taken but {unaccounted}"),
            Answer::Partly { refused, rejection } => format!("but {refused}: {rejection}"),
            Answer::OtherProtocol => "other protocol".into(),
            Answer::Never(rejection) => format!("never: {rejection}"),
            Answer::Later(obstacle) => {
                let wait = obstacle.retry_after.map(|wait| wait.as_secs());
                format!("later: {obstacle} {wait:?}")
            }
        }
    }

    const SAMPLES: &str = "x-prometheus-remote-write-samples-written";
    const HISTOGRAMS: &str = "x-prometheus-remote-write-histograms-written";

    /// Status, headers, version spoken, whether it is proven; what it means.
    type Case = (u16, &'static [(&'static str, &'static str)], Protocol, bool, &'static str);

    #[test]
    fn an_answer_decides_by_status_and_headers() {
        let (v1, v2) = (Protocol::V1, Protocol::V2);
        let cases: &[Case] = &[
            (204, &[], v1, false, "taken"),
            (200, &[], v1, false, "taken"),
            (400, &[], v1, false, "never: 400 `why`"),
            (409, &[], v1, false, "never: 409 `why`"),
            (401, &[], v1, false, "later: 401 `why` None"),
            (301, &[], v1, false, "later: 301 `why` None"),
            (415, &[], v1, false, "never: 415 `why`"),
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
            (400, &[], v2, true, "never: 400 `why`"),
            (400, &[(SAMPLES, "2")], v2, false, "but 2: 400 `why`"),
            (400, &[(SAMPLES, "0")], v2, false, "never: 400 `why`"),
            (400, &[(SAMPLES, "3"), (HISTOGRAMS, "1")], v2, false, "taken"),
            (404, &[], v2, false, "later: 404 `why` None"),
            (500, &[(SAMPLES, "2")], v2, false, "later: 500 `why` None"),
        ];
        for (status, told, protocol, proven, expected) in cases {
            let actual = judged(*status, told, *protocol, *proven);
            assert_eq!(&actual, expected, "{status} {told:?} {protocol} proven: {proven}");
        }
    }

    #[test]
    fn words_are_one_short_line_without_secrets() {
        let secrets = ["hunter2".to_owned()];
        assert_eq!(
            words(b"no hunter2\r\n\x1b[31mhere \xff\n", &secrets),
            "no [secret] [31mhere \u{fffd}"
        );
        let long = words("é".repeat(1000).as_bytes(), &secrets);
        assert_eq!(long.chars().count(), WORDS + 1);
        assert_eq!(words(b"", &secrets), "");
    }
}
