//! Microsoft Teams: a Workflows webhook that posts an Adaptive Card.
//!
//! <https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using>. Text of a bot is in
//! `TextRun` elements, in which Teams reads no Markdown. A message has at most 28 KB.

use domain::Severity;
use notify::mail::{Digest, digest, group_title};
use notify::notification::{Item, Notification};
use notify::{Language, State};
use serde_json::{Value, json};
use url::Url;

use super::fitted;
use crate::text::cut;

const LARGEST_MESSAGE: usize = 28 * 1_024;
const MOST_ITEMS: usize = 40;
const LONGEST_TITLE: usize = 300;
const MOST_ACTIONS: usize = 6;

pub(super) fn message(notification: &Notification, language: Language) -> Value {
    match notification.items.as_slice() {
        [item] => {
            let digest = digest(notification, item, language);
            fitted(&[2_000, 500, 200, 60], LARGEST_MESSAGE, |longest| {
                card(&single(item, &digest, longest), &actions(&digest))
            })
        }
        items => fitted(&[400, 200, 100, 40], LARGEST_MESSAGE, |longest| {
            let worst = items.iter().find(|item| item.alert.state != State::Ok);
            let color = worst.or(items.first()).map_or("Default", color);
            let mut body = vec![title(&group_title(notification, language), color)];
            for item in items.iter().take(MOST_ITEMS) {
                let digest = digest(notification, item, language);
                body.push(text(&cut(&digest.title, longest)));
            }
            let more = items.len().saturating_sub(MOST_ITEMS);
            if 0 < more {
                body.push(text(&format!("+{more}")));
            }
            let dashboard = notification.dashboard.iter();
            let actions: Vec<Value> = dashboard.filter_map(|url| open("Dashboard", url)).collect();
            card(&body, &actions)
        }),
    }
}

fn single(item: &Item, digest: &Digest, longest: usize) -> Vec<Value> {
    let short = |part: &str| text(&cut(part, longest));
    let mut body = vec![title(&digest.title, color(item))];
    body.extend(digest.kind.as_deref().map(short));
    body.push(short(&digest.headline));
    body.push(short(&digest.impact));
    body.extend(digest.acknowledged.as_deref().map(short));
    for (label, value) in digest.details.iter().take(20) {
        body.push(json!({
            "type": "RichTextBlock",
            "spacing": "Small",
            "inlines": [run(&format!("{label}: "), true), run(&cut(value, longest), false)],
        }));
    }
    for (index, step) in digest.steps.iter().enumerate() {
        body.push(short(&format!("{}. {step}", index + 1)));
    }
    for command in &digest.commands {
        body.push(json!({
            "type": "RichTextBlock",
            "spacing": "Small",
            "inlines": [{ "type": "TextRun", "text": inert(command), "fontType": "Monospace", "size": "Small" }],
        }));
    }
    body
}

fn card(body: &[Value], actions: &[Value]) -> Value {
    let mut content = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": { "width": "Full" },
        "body": body,
    });
    if !actions.is_empty() {
        content["actions"] = json!(actions);
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": content,
        }],
    })
}

fn title(title: &str, color: &str) -> Value {
    json!({
        "type": "RichTextBlock",
        "inlines": [{
            "type": "TextRun",
            "text": inert(&cut(title, LONGEST_TITLE)),
            "size": "Medium",
            "weight": "Bolder",
            "color": color,
        }],
    })
}

fn text(text: &str) -> Value {
    json!({ "type": "RichTextBlock", "inlines": [run(text, false)] })
}

fn run(text: &str, bold: bool) -> Value {
    let weight = if bold { "Bolder" } else { "Default" };
    json!({ "type": "TextRun", "text": inert(text), "weight": weight })
}

/// Cards replace `{{DATE(…)}}` and `${…}` in a text.
fn inert(text: &str) -> String {
    text.replace("{{", "{ {").replace("${", "$ {")
}

fn actions(digest: &Digest) -> Vec<Value> {
    digest.links.iter().filter_map(|link| open(&link.label, &link.url)).take(MOST_ACTIONS).collect()
}

fn open(title: &str, url: &str) -> Option<Value> {
    let url: Url = url.parse().ok()?;
    let is_web = matches!(url.scheme(), "https" | "http");
    is_web.then(|| json!({ "type": "Action.OpenUrl", "title": title, "url": url.as_str() }))
}

fn color(item: &Item) -> &'static str {
    match (item.alert.state, item.severity) {
        (State::Ok, _) => "Good",
        (State::InsufficientData, _) => "Default",
        (State::Alarm, Severity::Page) => "Attention",
        (State::Alarm, Severity::Ticket) => "Warning",
    }
}
