//! Slack, Teams, Google Chat, Discord and ntfy.

use serde_json::Value;

use super::{Call, Checked, Effect, Refusal, refuse};

/// <https://docs.slack.dev/reference/block-kit>: 200 `ok`, 400 `invalid_blocks` or `invalid_payload`.
pub(super) fn slack(call: &Call<'_>) -> Result<Effect, Refusal> {
    let body = call.json().map_err(|_| refuse(400, "invalid_payload"))?;
    Checked::new(400, "invalid_payload", &body).fields(&[
        "text",
        "blocks",
        "attachments",
        "thread_ts",
        "mrkdwn",
        "unfurl_links",
        "unfurl_media",
    ])?;
    let text = Checked::new(400, "no_text", &body["text"]).text(1..=40_000)?;
    no_mention(text)?;
    for block in Checked::new(400, "invalid_blocks", &body["blocks"]).list(1..=50)? {
        slack_block(block)?;
    }
    Ok(Effect::None)
}

fn slack_block(block: &Value) -> Result<(), Refusal> {
    let of = |name: &'static str| Checked::new(400, "invalid_blocks", &block[name]);
    match of("type").one_of(&["header", "section", "context", "divider"])? {
        "header" => {
            Checked::new(400, "invalid_blocks", block).fields(&["type", "text", "block_id"])?;
            slack_text(&block["text"], &["plain_text"], 150)
        }
        "section" => {
            Checked::new(400, "invalid_blocks", block)
                .fields(&["type", "text", "fields", "block_id"])?;
            slack_text(&block["text"], &["plain_text", "mrkdwn"], 3_000)
        }
        "context" => {
            Checked::new(400, "invalid_blocks", block).fields(&["type", "elements", "block_id"])?;
            for element in of("elements").list(1..=10)? {
                slack_text(element, &["plain_text", "mrkdwn"], 3_000)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn slack_text(text: &Value, kinds: &[&str], longest: usize) -> Result<(), Refusal> {
    let kind = Checked::new(400, "invalid_blocks", &text["type"]).one_of(kinds)?;
    let known: &[&str] =
        if kind == "mrkdwn" { &["type", "text", "verbatim"] } else { &["type", "text", "emoji"] };
    Checked::new(400, "invalid_blocks", text).fields(known)?;
    no_mention(Checked::new(400, "invalid_blocks", &text["text"]).text(1..=longest)?)
}

/// `<!channel>`, `<!here>` and `<@U1>` notify people. Vigie never sends them.
fn no_mention(text: &str) -> Result<(), Refusal> {
    let found = ["<!", "<@", "<#"].into_iter().find(|start| text.contains(start));
    found.map_or(Ok(()), |start| Err(refuse(400, format!("the text has a mention `{start}`"))))
}

/// <https://adaptivecards.io/explorer>: 202; 413 above 28 KB, 400 for a card that cannot be shown.
pub(super) fn teams(call: &Call<'_>) -> Result<Effect, Refusal> {
    if 28 * 1_024 < call.body.len() {
        return Err(refuse(413, "the message is too large"));
    }
    let body = call.json()?;
    Checked::new(400, "type", &body["type"]).one_of(&["message"])?;
    let attachments = Checked::new(400, "attachments", &body["attachments"]).list(1..=1)?;
    let kind = &attachments[0]["contentType"];
    Checked::new(400, "contentType", kind).one_of(&["application/vnd.microsoft.card.adaptive"])?;
    let card = &attachments[0]["content"];
    Checked::new(400, "card", card)
        .fields(&["$schema", "type", "version", "msteams", "body", "actions"])?;
    Checked::new(400, "type", &card["type"]).one_of(&["AdaptiveCard"])?;
    Checked::new(400, "version", &card["version"]).one_of(&["1.2", "1.3", "1.4", "1.5"])?;
    for element in Checked::new(400, "body", &card["body"]).list(1..=200)? {
        Checked::new(400, "type", &element["type"]).one_of(&["RichTextBlock"])?;
        for inline in Checked::new(400, "inlines", &element["inlines"]).list(1..=20)? {
            Checked::new(400, "inline", inline)
                .fields(&["type", "text", "size", "weight", "color", "fontType"])?;
            Checked::new(400, "type", &inline["type"]).one_of(&["TextRun"])?;
            let text = Checked::new(400, "text", &inline["text"]).text(1..=10_000)?;
            if text.contains("{{") || text.contains("${") {
                return Err(refuse(400, "the text has an expression"));
            }
        }
    }
    let actions = card["actions"].as_array();
    for action in actions.into_iter().flatten() {
        Checked::new(400, "type", &action["type"]).one_of(&["Action.OpenUrl"])?;
        Checked::new(400, "title", &action["title"]).text(1..=100)?;
        Checked::new(400, "url", &action["url"]).url()?;
    }
    if actions.is_some_and(|actions| 6 < actions.len()) {
        return Err(refuse(400, "too many actions"));
    }
    Ok(Effect::None)
}

/// <https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages>: 32,000 bytes.
pub(super) fn google_chat(call: &Call<'_>) -> Result<Effect, Refusal> {
    let query = call.uri.query().unwrap_or_default();
    let threads = "messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD";
    if !query.starts_with("key=canarykey4711&token=canarytoken4711") {
        return Err(refuse(403, "PERMISSION_DENIED"));
    }
    if !query.contains(threads) {
        return Err(refuse(400, "a reply in a thread needs messageReplyOption"));
    }
    let body = call.json()?;
    Checked::new(400, "message", &body).fields(&["text", "thread", "cardsV2"])?;
    let text = Checked::new(400, "text", &body["text"]).text(1..=4_096)?;
    if text.contains("<users/") {
        return Err(refuse(400, "the text has a mention"));
    }
    Checked::new(400, "threadKey", &body["thread"]["threadKey"]).text(1..=4_000)?;
    Ok(Effect::None)
}

/// <https://discord.com/developers/docs/resources/message#embed-object-embed-limits>.
pub(super) fn discord(call: &Call<'_>) -> Result<Effect, Refusal> {
    let body = call.json()?;
    Checked::new(400, "message", &body).fields(&[
        "username",
        "allowed_mentions",
        "embeds",
        "content",
    ])?;
    if body["allowed_mentions"]["parse"] != Value::Array(Vec::new()) {
        return Err(refuse(400, "mentions are allowed"));
    }
    Checked::new(400, "username", &body["username"]).text(1..=80)?;
    let mut total = 0;
    for embed in Checked::new(400, "embeds", &body["embeds"]).list(1..=10)? {
        Checked::new(400, "embed", embed).fields(&[
            "title",
            "description",
            "url",
            "color",
            "timestamp",
            "fields",
        ])?;
        total += Checked::new(400, "title", &embed["title"]).text(1..=256)?.chars().count();
        total += Checked::new(400, "description", &embed["description"])
            .text(1..=4_096)?
            .chars()
            .count();
        if !embed["url"].is_null() {
            Checked::new(400, "url", &embed["url"]).url()?;
        }
        for field in Checked::new(400, "fields", &embed["fields"]).list(0..=25)? {
            total += Checked::new(400, "name", &field["name"]).text(1..=256)?.chars().count();
            total += Checked::new(400, "value", &field["value"]).text(1..=1_024)?.chars().count();
        }
    }
    if 6_000 < total {
        return Err(refuse(400, "the embeds have more than 6000 characters"));
    }
    Ok(Effect::None)
}

/// <https://docs.ntfy.sh/publish>: a message of more than 4,096 bytes becomes an attachment.
pub(super) fn ntfy(call: &Call<'_>) -> Result<Effect, Refusal> {
    if call.body.is_empty() || 4_096 < call.body.len() {
        return Err(refuse(400, "the message has the wrong size"));
    }
    let query = call.uri.query().unwrap_or_default();
    if !query.contains("title=") || !query.contains("priority=") {
        return Err(refuse(400, "no title or priority"));
    }
    Ok(Effect::None)
}
