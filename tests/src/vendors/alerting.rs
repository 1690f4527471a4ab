//! `PagerDuty`, Opsgenie, incident.io, and a webhook that checks signatures.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;

use super::{API_KEY, Call, Checked, Effect, Log, ROUTING_KEY, Refusal, SIGNING_KEY, refuse};

/// <https://developer.pagerduty.com/docs/send-alert-event>: 202, 400 with `invalid event`, 413 from 512 KB on.
pub(super) fn pagerduty(call: &Call<'_>) -> Result<Effect, Refusal> {
    if 512 * 1_024 < call.body.len() {
        return Err(refuse(413, "Request Entity Too Large"));
    }
    let event = call.json()?;
    let field = |name: &'static str| Checked::new(400, name, &event[name]);
    Checked::new(400, "event", &event).fields(&[
        "routing_key",
        "event_action",
        "dedup_key",
        "payload",
        "images",
        "links",
        "client",
        "client_url",
    ])?;
    if field("routing_key").text(32..=32)? != ROUTING_KEY {
        return Err(refuse(400, r#"{"status":"invalid event","errors":["Invalid routing key"]}"#));
    }
    let key = field("dedup_key").text(1..=255)?.to_owned();
    let action = field("event_action").one_of(&["trigger", "acknowledge", "resolve"])?;
    match action {
        "acknowledge" => return Ok(Effect::Acknowledged(key)),
        "resolve" => return Ok(Effect::Resolved(key)),
        _ => {}
    }
    let payload = &event["payload"];
    let of = |name: &'static str| Checked::new(400, name, &payload[name]);
    Checked::new(400, "payload", payload).fields(&[
        "summary",
        "source",
        "severity",
        "timestamp",
        "component",
        "group",
        "class",
        "custom_details",
    ])?;
    of("summary").text(1..=1_024)?;
    of("source").text(1..=255)?;
    of("severity").one_of(&["critical", "error", "warning", "info"])?;
    let time = of("timestamp").text(1..=40)?;
    time.parse::<Timestamp>().map_err(|_| of("timestamp").wrong("is not a time"))?;
    if !payload["custom_details"].is_object() {
        return Err(of("custom_details").wrong("is not an object"));
    }
    for link in field("links").list(0..=50)? {
        Checked::new(400, "link", link).fields(&["href", "text"])?;
        Checked::new(400, "href", &link["href"]).url()?;
        Checked::new(400, "text", &link["text"]).text(1..=255)?;
    }
    Ok(Effect::Opened(key))
}

/// <https://docs.opsgenie.com/docs/alert-api>: 202, 401 without the key, 422 for values.
pub(super) fn opsgenie(call: &Call<'_>) -> Result<Effect, Refusal> {
    if call.header("authorization") != format!("GenieKey {API_KEY}") {
        return Err(refuse(401, "Key format is not valid"));
    }
    let body = call.json()?;
    let of = |name: &'static str| Checked::new(422, name, &body[name]);
    let rest = call.uri.path().strip_prefix("/v2/alerts").unwrap_or_default();
    if rest.is_empty() {
        Checked::new(422, "alert", &body).fields(&[
            "message",
            "alias",
            "description",
            "responders",
            "visibleTo",
            "actions",
            "tags",
            "details",
            "entity",
            "source",
            "priority",
            "user",
            "note",
        ])?;
        of("message").text(1..=130)?;
        let alias = of("alias").text(1..=512)?;
        of("description").text(0..=15_000)?;
        of("entity").text(0..=512)?;
        of("source").text(0..=100)?;
        of("priority").one_of(&["P1", "P2", "P3", "P4", "P5"])?;
        for tag in of("tags").list(0..=20)? {
            Checked::new(422, "tag", tag).text(1..=50)?;
        }
        let details =
            body["details"].as_object().ok_or_else(|| of("details").wrong("is absent"))?;
        let size: usize =
            details.iter().map(|(name, value)| name.len() + value.to_string().len()).sum();
        if 8_000 < size || details.values().any(|value| !value.is_string()) {
            return Err(of("details").wrong("is too long"));
        }
        return Ok(Effect::Opened(alias.to_owned()));
    }
    if call.uri.query() != Some("identifierType=alias") {
        return Err(refuse(422, "the identifier is not an alias"));
    }
    Checked::new(422, "body", &body).fields(&["user", "source", "note"])?;
    of("note").text(0..=25_000)?;
    let (alias, action) =
        rest[1..].split_once('/').ok_or_else(|| refuse(404, "no such resource"))?;
    let alias = percent_decoded(alias);
    match action {
        "close" => Ok(Effect::Resolved(alias)),
        "acknowledge" => Ok(Effect::Acknowledged(alias)),
        _ => Err(refuse(404, "no such resource")),
    }
}

/// <https://api-docs.incident.io/tag/Alert-Events-V2>.
pub(super) fn incident_io(call: &Call<'_>) -> Result<Effect, Refusal> {
    if call.header("authorization") != format!("Bearer {API_KEY}") {
        return Err(refuse(401, "authentication_error"));
    }
    let body = call.json()?;
    let of = |name: &'static str| Checked::new(422, name, &body[name]);
    Checked::new(422, "body", &body).fields(&[
        "title",
        "description",
        "deduplication_key",
        "status",
        "metadata",
        "source_url",
    ])?;
    of("title").text(1..=255)?;
    of("description").text(0..=20_000)?;
    let key = of("deduplication_key").text(1..=512)?.to_owned();
    if !body["source_url"].is_null() {
        of("source_url").url()?;
    }
    if !body["metadata"].is_object() {
        return Err(of("metadata").wrong("is not an object"));
    }
    match of("status").one_of(&["firing", "resolved"])? {
        "firing" => Ok(Effect::Opened(key)),
        _ => Ok(Effect::Resolved(key)),
    }
}

/// A receiver as the Standard Webhooks specification describes it.
pub(super) fn webhook(call: &Call<'_>, log: &Log) -> Result<Effect, Refusal> {
    let body = call.json()?;
    let (id, time) = (call.header("webhook-id"), call.header("webhook-timestamp"));
    let key = SIGNING_KEY.strip_prefix("whsec_").unwrap_or_default();
    let key = STANDARD.decode(key).unwrap_or_default();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC accepts keys of any length");
    mac.update(format!("{id}.{time}.{}", call.body).as_bytes());
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    if id.is_empty() || call.header("webhook-signature") != expected {
        return Err(refuse(401, "invalid signature"));
    }
    let known = |one: &super::Accepted| one.headers.get("webhook-id").is_some_and(|one| one == id);
    if log.accepted.iter().any(known) {
        return Ok(Effect::Repeated);
    }
    if body["version"] != 1 {
        return Err(refuse(400, "unknown version"));
    }
    let key = body["key"].as_str().unwrap_or_default().to_owned();
    match body["action"].as_str() {
        Some("trigger") => Ok(Effect::Opened(key)),
        Some("acknowledge") => Ok(Effect::Acknowledged(key)),
        Some("resolve") => Ok(Effect::Resolved(key)),
        _ => Err(refuse(400, "unknown action")),
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.filter(|_| *first == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
