//! The possible roles of a component, by its type and its labels.
//!
//! Types of custom components are recognised by their ending, because their values have the same
//! shape as those of the built-in ones (`modelscopeprochatbot`, `antdxsender`).

pub(crate) use crate::config::is_chat;
use crate::config::{AppConfig, Id};

/// Whether a user can type a message into a component of this type.
pub(crate) fn takes_text(kind: &str) -> bool {
    const ENDINGS: [&str; 8] =
        ["textbox", "input", "sender", "textarea", "composer", "prompt", "chatbox", "messagebox"];
    const OTHERS: [&str; 8] =
        ["image", "audio", "video", "file", "number", "color", "date", "password"];
    ENDINGS.iter().any(|ending| kind.ends_with(ending))
        && !OTHERS.iter().any(|other| kind.contains(other))
}

/// Whether the value of a text box is an object with text and files.
pub(crate) fn takes_files(kind: &str) -> bool {
    kind.contains("multimodal")
}

/// Whether a user can answer with a component of this type by voice, picture or file.
pub(crate) fn takes_media(kind: &str) -> bool {
    const MEDIA: [&str; 5] = ["audio", "microphone", "image", "video", "file"];
    MEDIA.iter().any(|media| kind.contains(media))
}

/// Rank of the types that do not show a text.
pub(crate) const LAST_REPLY_RANK: usize = 4;

/// Rank of a component type as the place of a reply in an app without a chatbot, the best first.
pub(crate) fn reply_rank(kind: &str) -> Option<usize> {
    match kind {
        "textbox" | "markdown" | "html" | "multimodaltextbox" => Some(0),
        "code" | "highlightedtext" => Some(1),
        "json" => Some(2),
        "label" => Some(3),
        "image" | "gallery" | "plot" | "model3d" | "audio" | "video" | "file" | "dataframe"
        | "number" => Some(LAST_REPLY_RANK),
        _ if is_chat(kind) => Some(0),
        _ if takes_text(kind) => Some(0),
        _ => None,
    }
}

/// Words for a secret.
const SECRETS: [&str; 6] = ["api key", "api_key", "apikey", "password", "secret", "token"];

/// Whether a component may hold a secret, so that reports hide its value.
pub(crate) fn is_secret(config: &AppConfig, id: Id) -> bool {
    is_password(config, id) || mentions(config, id, &SECRETS)
}

/// Whether the page hides what a user types.
pub(crate) fn is_password(config: &AppConfig, id: Id) -> bool {
    config.props(id).and_then(|props| props.kind.as_deref()) == Some("password")
}

/// Whether a box asks for a secret rather than for a message, which may be about one.
pub(crate) fn asks_for_secret(config: &AppConfig, id: Id) -> bool {
    let asks = |caption: &str| has_word(caption, &SECRETS) && !invites_message(caption);
    is_password(config, id) || asks(&caption(config, id))
}

/// Whether a box asks for a search term or an address rather than for a message.
pub(crate) fn asks_for_search(config: &AppConfig, id: Id) -> bool {
    const SEARCHES: [&str; 5] = ["search", "filter", "email", "e-mail", "url"];
    let caption = caption(config, id);
    // "Search messages" against "Message (I can search the web)".
    let starts = SEARCHES.iter().any(|word| caption.starts_with(word));
    let talks = if starts { invites_question(&caption) } else { invites_message(&caption) };
    has_word(&caption, &SEARCHES) && !talks
}

fn invites_message(caption: &str) -> bool {
    const MESSAGES: [&str; 6] = ["message", "question", "prompt", "instruction", "say", "tell"];
    has_word(caption, &MESSAGES) || invites_question(caption)
}

/// Whether a text asks for a question, or is one as an example.
fn invites_question(caption: &str) -> bool {
    caption.contains('?') || has_word(caption, &["ask"])
}

/// The text that shows the purpose of a box, in lower case: its label, or the text in the box while it
/// is empty. The element id is the last choice, because users do not see it.
fn caption(config: &AppConfig, id: Id) -> String {
    let Some(props) = config.props(id) else { return String::new() };
    let texts = [&props.label, &props.placeholder, &props.elem_id];
    let texts = texts.into_iter().flatten().map(|text| text.trim().to_lowercase());
    // Gradio labels a box without a label by its type.
    let mut texts = texts.filter(|text| !text.is_empty() && text.as_str() != config.kind(id));
    texts.next().unwrap_or_default()
}

pub(crate) fn is_message(config: &AppConfig, id: Id) -> bool {
    const MESSAGES: [&str; 9] =
        ["message", "question", "ask", "prompt", "instruction", "chat", "type", "say", "input"];
    mentions(config, id, &MESSAGES)
}

/// Whether the label is that of an answer (0), says nothing (1), names an answer and something else (2), or
/// only something else (3).
pub(crate) fn answer_rank(config: &AppConfig, id: Id) -> usize {
    const ANSWERS: [&str; 10] = [
        "answer",
        "response",
        "reply",
        "output",
        "result",
        "completion",
        "generated",
        "assistant",
        "bot",
        "generation",
    ];
    const OTHERS: [&str; 21] = [
        "status",
        "log",
        "source",
        "reference",
        "debug",
        "info",
        "time",
        "token",
        "error",
        "context",
        "search",
        "title",
        "cost",
        "citation",
        "chunk",
        "passage",
        "evidence",
        "retrieved",
        "metadata",
        "trace",
        "latency",
    ];
    match (mentions(config, id, &ANSWERS), mentions(config, id, &OTHERS)) {
        (true, false) => 0,
        (false, false) => 1,
        (true, true) => 2,
        (false, true) => 3,
    }
}

/// Whether a box asks for a setting of the bot rather than for a message.
pub(crate) fn asks_for_setting(config: &AppConfig, id: Id) -> bool {
    let caption = caption(config, id);
    let is_setting = has_word(&caption, &["negative", "persona"]) || is_about_system(&caption);
    is_setting && !invites_question(&caption)
}

/// Whether a caption is `system`, or contains it before a word for an instruction.
fn is_about_system(caption: &str) -> bool {
    const INSTRUCTIONS: [&str; 4] = ["prompt", "message", "instruction", "role"];
    let words: Vec<&str> =
        caption.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect();
    let instructs = |word: &str| INSTRUCTIONS.contains(&word.trim_end_matches('s'));
    words == ["system"] || words.windows(2).any(|two| two[0] == "system" && instructs(two[1]))
}

/// Whether label, placeholder or element id contains one of these words.
fn mentions(config: &AppConfig, id: Id, words: &[&str]) -> bool {
    let Some(props) = config.props(id) else { return false };
    let texts = [&props.label, &props.placeholder, &props.elem_id];
    let text: Vec<&str> = texts.into_iter().flatten().map(String::as_str).collect();
    has_word(&text.join(" ").to_lowercase(), words)
}

/// Whether a text in lower case contains one of these words, or its plural.
fn has_word(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| {
        text.match_indices(word).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after =
                text[at + word.len()..].strip_prefix('s').unwrap_or(&text[at + word.len()..]);
            let is_end = |c: Option<char>| c.is_none_or(|c| !c.is_alphabetic());
            is_end(before) && is_end(after.chars().next())
        })
    })
}

/// Whether a user-given name means this component: its label, element id, or number.
pub(crate) fn is_named(config: &AppConfig, id: Id, name: &str) -> bool {
    let props = config.props(id);
    let label = props.and_then(|props| props.label.as_deref()).unwrap_or_default();
    let elem_id = props.and_then(|props| props.elem_id.as_deref()).unwrap_or_default();
    name == id.to_string()
        || (!label.is_empty() && label.eq_ignore_ascii_case(name))
        || (!elem_id.is_empty() && elem_id == name)
}

/// A component in an error text, such as `textbox "Message"`.
pub(crate) fn shown(config: &AppConfig, id: Id) -> String {
    let label = config.props(id).and_then(|props| props.label.as_deref());
    match label.filter(|label| !label.is_empty()) {
        Some(label) => format!("{} `{label}`", config.kind(id)),
        None => format!("{} {id}", config.kind(id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn custom_components_are_recognised_by_their_ending() {
        for (kind, text, chat) in [
            ("textbox", true, false),
            ("multimodaltextbox", true, false),
            ("modelscopepromultimodalinput", true, false),
            ("antdxsender", true, false),
            ("antdinputpassword", false, false),
            ("imageinput", false, false),
            ("chatbot", false, true),
            ("modelscopeprochatbot", false, true),
            ("chatbotplus", false, true),
            ("agentchat", false, true),
            ("chatinput", true, false),
            ("promptcomposer", true, false),
            ("button", false, false),
        ] {
            assert_eq!((takes_text(kind), is_chat(kind)), (text, chat), "{kind}");
        }
    }

    #[test]
    fn labels_are_matched_by_whole_words() {
        let config = |label: &str| {
            let component =
                serde_json::json!({ "id": 1, "type": "textbox", "props": { "label": label } });
            let config = serde_json::json!({ "components": [component], "dependencies": [] });
            AppConfig::parse(config.to_string().as_bytes()).unwrap()
        };
        for (label, rank) in [
            ("Answer", 0),
            ("Model outputs", 0),
            ("Text", 1),
            ("Answer with sources", 2),
            ("Sources", 3),
            ("Retrieved documents", 3),
            ("Catalog", 1),
            ("Log", 3),
        ] {
            assert_eq!(answer_rank(&config(label), 1), rank, "{label}");
        }
        assert!(is_secret(&config("OpenAI API key"), 1));
        assert!(!is_secret(&config("Your message"), 1));
    }
}
