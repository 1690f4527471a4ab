//! Slack's incoming webhooks with Block Kit: <https://docs.slack.dev/reference/block-kit/blocks>.
//!
//! A webhook cannot change a message, so an outage has one message and its end another one. Text of a bot is in objects of
//! type `plain_text`, in which Slack reads no markup.

use domain::Severity;
use notify::mail::{Digest, digest, group_title};
use notify::notification::{Item, Notification};
use notify::{Language, State};
use serde_json::{Value, json};
use url::Url;

use crate::text::{cut, slack, slack_cut};

/// Limits of Block Kit, in characters.
const LONGEST_HEADER: usize = 150;
const LONGEST_SECTION: usize = 3_000;
/// The limit is 50 blocks.
const MOST_ITEMS: usize = 40;
/// The length of a notification on a phone.
const LONGEST_FALLBACK: usize = 400;

pub(super) fn message(notification: &Notification, language: Language) -> Value {
    let (title, blocks) = match notification.items.as_slice() {
        [item] => {
            let digest = digest(notification, item, language);
            let title = format!("{} {}", symbol(item), digest.title);
            let blocks = single(&title, &digest);
            (title, blocks)
        }
        items => {
            let worst = items.iter().find(|item| item.alert.state != State::Ok);
            let symbol = worst.or(items.first()).map_or("", symbol);
            let title = format!("{symbol} {}", group_title(notification, language));
            let blocks = list(&title, notification, language);
            (title, blocks)
        }
    };
    json!({
        "text": slack_cut(&title, LONGEST_FALLBACK),
        "blocks": blocks,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

fn single(title: &str, digest: &Digest) -> Vec<Value> {
    let mut blocks = vec![header(title)];
    let sentences: Vec<&str> = digest
        .kind
        .iter()
        .map(String::as_str)
        .chain([digest.headline.as_str(), digest.impact.as_str()])
        .chain(digest.acknowledged.as_deref())
        .collect();
    blocks.push(section(&sentences.join("\n")));
    if !digest.details.is_empty() {
        let lines = digest.details.iter().map(|(label, value)| format!("{label}: {value}"));
        blocks.push(section(&lines.collect::<Vec<String>>().join("\n")));
    }
    if !digest.steps.is_empty() {
        let steps = digest.steps.iter().enumerate();
        let steps = steps.map(|(index, step)| format!("{}. {step}", index + 1));
        blocks.push(section(&steps.collect::<Vec<String>>().join("\n")));
    }
    let links: Vec<String> =
        digest.links.iter().filter_map(|link| markup_link(&link.url, &link.label)).collect();
    let commands: Vec<String> = digest.commands.iter().map(|command| code(command)).collect();
    for text in [links.join(" · "), commands.join("\n")] {
        if !text.is_empty() && text.chars().count() <= LONGEST_SECTION {
            blocks.push(
                json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": text }] }),
            );
        }
    }
    blocks
}

fn list(title: &str, notification: &Notification, language: Language) -> Vec<Value> {
    let mut blocks = vec![header(title)];
    for item in notification.items.iter().take(MOST_ITEMS) {
        let digest = digest(notification, item, language);
        let text = format!("{} {}\n{}", symbol(item), digest.title, digest.headline);
        blocks.push(section(&cut(&text, 600)));
    }
    let more = notification.items.len().saturating_sub(MOST_ITEMS);
    if 0 < more {
        blocks.push(section(&format!("+{more}")));
    }
    if let Some(link) =
        notification.dashboard.as_ref().and_then(|url| markup_link(url, "Dashboard"))
    {
        blocks.push(json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": link }] }));
    }
    blocks
}

fn header(title: &str) -> Value {
    let text = slack_cut(title, LONGEST_HEADER);
    json!({ "type": "header", "text": { "type": "plain_text", "text": text, "emoji": true } })
}

fn section(text: &str) -> Value {
    let text = slack_cut(text, LONGEST_SECTION);
    json!({ "type": "section", "text": { "type": "plain_text", "text": text, "emoji": false } })
}

/// `<URL|LABEL>`; `None` for a text that is not a URL of the web.
fn markup_link(url: &str, label: &str) -> Option<String> {
    let url: Url = url.parse().ok()?;
    let is_web = matches!(url.scheme(), "https" | "http");
    // The URL is percent-encoded, except for characters that Slack reads as markup.
    let text = url.as_str().replace('|', "%7C");
    is_web.then(|| format!("<{}|{}>", slack(&text), slack(label)))
}

fn code(command: &str) -> String {
    format!("`{}`", slack(&command.replace('`', "'")))
}

/// The state at a glance. The title has it in words.
fn symbol(item: &Item) -> &'static str {
    match (item.alert.state, item.severity) {
        _ if item.alert.test.is_some() => "🧪",
        (State::Ok, _) => "🟢",
        (State::InsufficientData, _) => "⚪",
        (State::Alarm, Severity::Page) => "🔴",
        (State::Alarm, Severity::Ticket) => "🟠",
    }
}
