//! Samples as a message of the FIFO queue between those who measure and the bridge.
//!
//! ```json
//! {"version":1,"group":"support-bot","run":"…","due":"2026-11-22T10:00:00Z","part":1,"parts":1,
//!  "encoding":"snappy+base64","body":"…"}
//! ```
//!
//! `body` is a remote write 2.0 request, so that metadata, exemplars and native histograms survive
//! the queue, and the format is one that others documented.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use serde::{Deserialize, Serialize};

use crate::{DecodeError, Encoder, Entry, Protocol, Timestamp};

/// The version written.
pub const VERSION: u32 = 1;

/// Longest message in bytes. SQS and SNS took 256 KiB for many years and some tools still hold to
/// that; the rest is left for attributes.
pub const MAX_MESSAGE: usize = 200_000;

const ENCODING: &str = "snappy+base64";

/// Unpacked, so that a small hostile message can't fill the memory.
const MAX_UNPACKED: usize = 32 << 20;

/// SQS's limit for group and deduplication ids.
const MAX_ID: usize = 128;

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// `MessageGroupId`: the queue keeps the order within it.
    pub group: String,
    /// `MessageDeduplicationId`: the same run sent twice within five minutes arrives once.
    pub deduplication: String,
    /// At most [`MAX_MESSAGE`] bytes of JSON.
    pub body: String,
}

/// A message that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub group: String,
    /// What the samples come from; part of the deduplication id.
    pub run: String,
    /// When the run was due; its samples are stamped with it.
    pub due: Timestamp,
    /// From 1 to `parts`.
    pub part: usize,
    pub parts: usize,
    pub entries: Vec<Entry>,
}

/// Why samples can't be written as a message.
#[derive(Debug, thiserror::Error)]
#[error(
    "one sample of `{series}` alone makes a message of {length} bytes; at most {MAX_MESSAGE} are sent"
)]
pub struct TooLarge {
    series: String,
    length: usize,
}

/// Why a message is not read. Another attempt would not mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    #[error("the message is not valid JSON for samples")]
    Malformed(#[from] serde_json::Error),
    #[error("the message has version `{found}`; this program reads version {VERSION}")]
    Version { found: u32 },
    #[error("the message is encoded as `{found}`; expected `{ENCODING}`")]
    Encoding { found: String },
    #[error("the body is not base64")]
    Base64(#[from] base64::DecodeError),
    #[error("the samples can't be read")]
    Body(#[from] DecodeError),
}

impl Unreadable {
    /// A stable word for counting.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Version { .. } => "unknown_version",
            Self::Encoding { .. } => "unknown_encoding",
            Self::Malformed(_) | Self::Base64(_) | Self::Body(_) => "malformed",
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    version: u32,
    group: String,
    run: String,
    due: jiff::Timestamp,
    part: usize,
    parts: usize,
    encoding: String,
    body: String,
}

/// Writes `entries` as one message, or as several numbered ones of the same group when they are
/// too many for one. Nothing comes of no entries.
///
/// Order is kept, within a message and over them.
pub fn encode(
    group: &str,
    run: &str,
    due: Timestamp,
    entries: &[Entry],
) -> Result<Vec<Outgoing>, TooLarge> {
    let room = MAX_MESSAGE - envelope(group, run);
    let mut bodies = Vec::new();
    split(&mut Encoder::default(), entries, room, &mut bodies)?;
    let parts = bodies.len();
    let messages = bodies.into_iter().enumerate().map(|(index, body)| {
        let part = index + 1;
        let deduplication =
            if parts == 1 { run.to_owned() } else { format!("{part}of{parts}-{run}") };
        let wire = Wire {
            version: VERSION,
            group: group.to_owned(),
            run: run.to_owned(),
            due: jiff::Timestamp::from_millisecond(due.as_millis()).unwrap_or_default(),
            part,
            parts,
            encoding: ENCODING.to_owned(),
            body,
        };
        Outgoing {
            group: id(group),
            deduplication: id(&deduplication),
            body: serde_json::to_string(&wire).expect("text and numbers are always JSON"),
        }
    });
    Ok(messages.collect())
}

/// Reads a message; fields that are not known are passed over.
pub fn decode(body: &str) -> Result<Message, Unreadable> {
    /// The version is looked at first: another one may have another form.
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let Versioned { version } = serde_json::from_str(body)?;
    if version != VERSION {
        return Err(Unreadable::Version { found: version });
    }
    let wire: Wire = serde_json::from_str(body)?;
    if wire.encoding != ENCODING {
        return Err(Unreadable::Encoding { found: wire.encoding.chars().take(40).collect() });
    }
    let entries = crate::decode(&BASE64_STANDARD.decode(&wire.body)?, MAX_UNPACKED)?;
    Ok(Message {
        group: wire.group,
        run: wire.run,
        due: Timestamp::from_millis(wire.due.as_millisecond()),
        part: wire.part,
        parts: wire.parts,
        entries,
    })
}

/// Bytes of a message beside its body, on the safe side: JSON may write a character as six.
fn envelope(group: &str, run: &str) -> usize {
    250 + 6 * (group.len() + run.len())
}

fn split(
    encoder: &mut Encoder,
    entries: &[Entry],
    room: usize,
    bodies: &mut Vec<String>,
) -> Result<(), TooLarge> {
    if entries.is_empty() {
        return Ok(());
    }
    let picked: Vec<u32> = (0..).take(entries.len()).collect();
    let request = encoder.encode(Protocol::V2, entries, &picked);
    let length = request.body.len().div_ceil(3) * 4;
    if length <= room && request.plain_length <= MAX_UNPACKED {
        bodies.push(BASE64_STANDARD.encode(request.body));
        return Ok(());
    }
    if let [entry] = entries {
        let series: String = entry.series.name().chars().take(200).collect();
        return Err(TooLarge { series, length });
    }
    let (first, second) = entries.split_at(entries.len() / 2);
    split(encoder, first, room, bodies)?;
    split(encoder, second, room, bodies)
}

/// An id as SQS takes it: ASCII without spaces and control characters, at most 128 long. One that is
/// cut ends in a hash of the whole, so that two long ones stay two.
fn id(text: &str) -> String {
    let clean: String =
        text.chars().map(|each| if each.is_ascii_graphic() { each } else { '_' }).collect();
    if clean.len() <= MAX_ID && clean == text {
        return clean;
    }
    // FNV-1a: stable over builds, which the standard library's hasher does not promise.
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{}-{hash:016x}", &clean[..clean.len().min(MAX_ID - 17)])
}

#[cfg(test)]
mod tests {
    use crate::{Sample, Series};

    use super::*;

    const DUE: Timestamp = Timestamp::from_millis(1_795_332_392_507);

    fn entries(count: usize) -> Vec<Entry> {
        let mut random = fastrand::Rng::with_seed(7);
        (0..count)
            .map(|number| {
                // Hardly to be compressed, so that the size is in the number.
                let path = format!("{:032x}", random.u128(..));
                let number = number.to_string();
                let labels = [("path", path.as_str()), ("number", number.as_str())];
                Entry::new(Series::new("m", labels).unwrap(), Sample::new(random.f64(), DUE))
            })
            .collect()
    }

    #[test]
    fn a_run_is_one_message_that_reads_back() {
        let entries = entries(3);
        let messages = encode("support-bot", "run-1", DUE, &entries).unwrap();

        let [message] = messages.as_slice() else { panic!("{messages:?}") };
        assert_eq!(
            (message.group.as_str(), message.deduplication.as_str()),
            ("support-bot", "run-1")
        );
        let read = decode(&message.body).unwrap();
        assert_eq!(read.entries, entries);
        assert_eq!((read.due, read.part, read.parts), (DUE, 1, 1));
        assert_eq!((read.group.as_str(), read.run.as_str()), ("support-bot", "run-1"));
    }

    #[test]
    fn a_large_scrape_is_split_numbered_and_kept_in_order() {
        let entries = entries(20_000);
        let messages = encode("https://bot/metrics gradio", "run", DUE, &entries).unwrap();

        assert!(messages.len() > 2, "{}", messages.len());
        assert!(messages.iter().all(|message| message.body.len() <= MAX_MESSAGE));
        let mut names: Vec<&str> = messages.iter().map(|m| m.deduplication.as_str()).collect();
        assert_eq!(names[1], format!("2of{}-run", messages.len()));
        names.dedup();
        assert_eq!(names.len(), messages.len());
        assert!(messages.iter().all(|message| message.group == messages[0].group));
        let read: Vec<Entry> =
            messages.iter().flat_map(|message| decode(&message.body).unwrap().entries).collect();
        assert_eq!(read, entries);
    }

    #[test]
    fn nothing_to_say_is_no_message() {
        assert_eq!(encode("g", "r", DUE, &[]).unwrap(), []);
    }

    #[test]
    fn a_sample_too_large_for_any_message_is_refused_by_name() {
        let mut random = fastrand::Rng::with_seed(7);
        let value: String = (0..400_000).map(|_| random.alphanumeric()).collect();
        let series = Series::new("huge", [("l", value.as_str())]).unwrap();
        let error =
            encode("g", "r", DUE, &[Entry::new(series, Sample::new(1.0, DUE))]).unwrap_err();
        assert!(error.to_string().starts_with("one sample of `huge` alone makes a message of "));
    }

    #[test]
    fn what_is_not_ours_is_refused_with_its_reason() {
        let body = encode("g", "r", DUE, &entries(1)).unwrap().remove(0).body;
        let cases = [
            ("{}".into(), "malformed", "the message is not valid JSON for samples"),
            ("nonsense".into(), "malformed", "the message is not valid JSON for samples"),
            (
                r#"{"version":7}"#.into(),
                "unknown_version",
                "the message has version `7`; this program reads version 1",
            ),
            (
                body.replace("snappy+base64", "zstd"),
                "unknown_encoding",
                "the message is encoded as `zstd`; expected `snappy+base64`",
            ),
            (body.replace(r#""body":""#, r#""body":"!"#), "malformed", "the body is not base64"),
            (
                body.replace(r#""body":""#, r#""body":"AAAA"#),
                "malformed",
                "the samples can't be read",
            ),
        ];
        for (body, reason, expected) in cases {
            let error = decode(&body).unwrap_err();
            assert_eq!((error.reason(), error.to_string().as_str()), (reason, expected), "{body}");
        }
    }

    #[test]
    fn ids_are_what_sqs_takes_and_stay_apart() {
        let long = "x".repeat(200);
        assert_eq!(id("support-bot"), "support-bot");
        assert_eq!(id(&long).len(), MAX_ID);
        assert_ne!(id(&long), id(&format!("{long}y")));
        assert_ne!(id("a b"), id("a_b"));
        assert!(id("é\n").bytes().all(|byte| byte.is_ascii_graphic()));
    }
}
