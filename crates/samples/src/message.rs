//! The queue message that carries samples to the bridge.
//!
//! ```json
//! {"version":1,"group":"support-bot","run":"…","due":"2026-11-22T10:00:00Z","part":1,"parts":1,
//!  "encoding":"snappy+base64","body":"…"}
//! ```
//!
//! `body` is a remote write 2.0 request, a documented format that keeps metadata, exemplars and native
//! histograms.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use serde::{Deserialize, Serialize};

use crate::{DecodeError, Encoder, Entry, Protocol, Timestamp};

/// The version written.
pub const VERSION: u32 = 1;

/// Largest message in bytes. SQS accepted 256 KiB until 2025-08 and emulators still apply that limit;
/// the difference is left for attributes.
pub const MAX_MESSAGE: usize = 200_000;

const ENCODING: &str = "snappy+base64";

/// Bytes after decompression, at most, so that a small hostile message cannot fill the memory.
const MAX_UNPACKED: usize = 32 << 20;

/// Characters of a group or deduplication id, at most. Source: API reference of SQS.
const MAX_ID: usize = 128;

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// `MessageGroupId`: the queue keeps the order within a group.
    pub group: String,
    /// `MessageDeduplicationId`: SQS drops a second message with this id within five minutes.
    pub deduplication: String,
    /// At most [`MAX_MESSAGE`] bytes of JSON.
    pub body: String,
}

/// A decoded message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub group: String,
    /// The run that the samples are from; part of the deduplication id.
    pub run: String,
    /// When the run was due: the time of its samples.
    pub due: Timestamp,
    /// From 1 to `parts`.
    pub part: usize,
    pub parts: usize,
    pub entries: Vec<Entry>,
}

/// The result of [`encode`].
#[derive(Debug, Default)]
pub struct Encoded {
    /// In the order of the entries.
    pub messages: Vec<Outgoing>,
    /// Samples that are in no message.
    pub too_large: Vec<TooLarge>,
}

/// A sample that no message can carry.
#[derive(Debug, thiserror::Error)]
#[error(
    "a message with one sample of `{series}` has {length} bytes; expected at most {MAX_MESSAGE}"
)]
pub struct TooLarge {
    series: String,
    length: usize,
}

/// Why a message cannot be decoded. A retry gives the same result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    #[error("the message is not valid JSON for samples")]
    Malformed(#[from] serde_json::Error),
    #[error("the message has version `{found}`; expected version {VERSION}")]
    Version { found: u32 },
    #[error("the message is encoded as `{found}`; expected `{ENCODING}`")]
    Encoding { found: String },
    #[error("the body is not base64")]
    Base64(#[from] base64::DecodeError),
    #[error("the samples cannot be decoded")]
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

/// Encodes `entries` as one message, or as several numbered ones when they exceed [`MAX_MESSAGE`].
/// Without entries there is no message.
///
/// The order of the entries is kept. A sample that is too large for a message is left out.
#[must_use]
pub fn encode(group: &str, run: &str, due: Timestamp, entries: &[Entry]) -> Encoded {
    let room = MAX_MESSAGE.saturating_sub(envelope(group, run));
    let (mut bodies, mut too_large) = (Vec::new(), Vec::new());
    split(&mut Encoder::default(), entries, room, &mut bodies, &mut too_large);
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
    Encoded { messages: messages.collect(), too_large }
}

/// Decodes a message. Unknown fields are ignored.
pub fn decode(body: &str) -> Result<Message, Unreadable> {
    /// The version is checked first, since another version may have other fields.
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

/// Bytes of a message without its body, at most: JSON may write one byte as six.
fn envelope(group: &str, run: &str) -> usize {
    250 + 6 * (group.len() + run.len())
}

fn split(
    encoder: &mut Encoder,
    entries: &[Entry],
    room: usize,
    bodies: &mut Vec<String>,
    too_large: &mut Vec<TooLarge>,
) {
    if entries.is_empty() {
        return;
    }
    let picked: Vec<u32> = (0..).take(entries.len()).collect();
    let request = encoder.encode(Protocol::V2, entries, &picked);
    let length = request.body.len().div_ceil(3) * 4;
    if length <= room && request.plain_length <= MAX_UNPACKED {
        bodies.push(BASE64_STANDARD.encode(request.body));
        return;
    }
    if let [entry] = entries {
        let series: String = entry.series.name().chars().take(200).collect();
        too_large.push(TooLarge { series, length });
        return;
    }
    let (first, second) = entries.split_at(entries.len() / 2);
    split(encoder, first, room, bodies, too_large);
    split(encoder, second, room, bodies, too_large);
}

/// An id that SQS accepts: at most 128 ASCII characters without spaces and control characters. A
/// changed id ends with a hash of the original, so that different ids stay different.
fn id(text: &str) -> String {
    let clean: String =
        text.chars().map(|each| if each.is_ascii_graphic() { each } else { '_' }).collect();
    if clean.len() <= MAX_ID && clean == text {
        return clean;
    }
    // FNV-1a, since the hasher of the standard library may change with a new Rust version.
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
                // Random text does not compress, so the number of entries decides the size.
                let path = format!("{:032x}", random.u128(..));
                let number = number.to_string();
                let labels = [("path", path.as_str()), ("number", number.as_str())];
                Entry::new(Series::new("m", labels).unwrap(), Sample::new(random.f64(), DUE))
            })
            .collect()
    }

    #[test]
    fn message_of_a_run_decodes_to_its_entries() {
        let entries = entries(3);
        let messages = encode("support-bot", "run-1", DUE, &entries).messages;

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
    fn large_scrape_is_split_in_order() {
        let entries = entries(20_000);
        let messages = encode("https://bot/metrics gradio", "run", DUE, &entries).messages;

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
    fn no_entries_make_no_message() {
        assert_eq!(encode("g", "r", DUE, &[]).messages, []);
    }

    #[test]
    fn sample_over_the_size_limit_is_left_out() {
        let mut random = fastrand::Rng::with_seed(7);
        let value: String = (0..400_000).map(|_| random.alphanumeric()).collect();
        let series = Series::new("huge", [("l", value.as_str())]).unwrap();
        let good = entries(9);
        let mut all = good.clone();
        all.insert(4, Entry::new(series, Sample::new(1.0, DUE)));

        let encoded = encode("g", "r", DUE, &all);
        let [error] = &encoded.too_large[..] else { panic!("{:?}", encoded.too_large) };
        assert!(error.to_string().starts_with("a message with one sample of `huge` has "));
        let messages = encoded.messages.iter();
        let read: Vec<Entry> =
            messages.flat_map(|message| decode(&message.body).unwrap().entries).collect();
        assert_eq!(read, good);
    }

    #[test]
    fn invalid_message_is_rejected_with_its_reason() {
        let body = encode("g", "r", DUE, &entries(1)).messages.remove(0).body;
        let cases = [
            ("{}".into(), "malformed", "the message is not valid JSON for samples"),
            ("nonsense".into(), "malformed", "the message is not valid JSON for samples"),
            (
                r#"{"version":7}"#.into(),
                "unknown_version",
                "the message has version `7`; expected version 1",
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
                "the samples cannot be decoded",
            ),
        ];
        for (body, reason, expected) in cases {
            let error = decode(&body).unwrap_err();
            assert_eq!((error.reason(), error.to_string().as_str()), (reason, expected), "{body}");
        }
    }

    #[test]
    fn ids_are_accepted_by_sqs_and_unique() {
        let long = "x".repeat(200);
        assert_eq!(id("support-bot"), "support-bot");
        assert_eq!(id(&long).len(), MAX_ID);
        assert_ne!(id(&long), id(&format!("{long}y")));
        assert_ne!(id("a b"), id("a_b"));
        assert!(id("é\n").bytes().all(|byte| byte.is_ascii_graphic()));
    }
}
