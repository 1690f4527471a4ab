//! The content of one component with a reply, and when each part of it appeared.

use std::time::Duration;

use serde_json::Value;

use crate::config::{Id, RENDERED_KIND, is_chat};
use crate::html;
use crate::novelty;
use crate::reply::{Answer, Content};

/// State of a component with a reply before the turn.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReplySource {
    pub(crate) id: Id,
    pub(crate) kind: String,
    pub(crate) label: Option<String>,
    /// Value before the turn.
    pub(crate) before: Value,
    /// The user's message.
    pub(crate) message: String,
    /// Whether the component can show the whole conversation. The API of a `ChatInterface` cannot.
    pub(crate) may_show_conversation: bool,
    /// Whether the component is the message box, which a text completion writes to.
    pub(crate) is_message_box: bool,
    pub(crate) shown: Shown,
    /// Tags of thoughts in the text, which the server leaves to the page.
    pub(crate) reasoning_tags: Vec<(String, String)>,
}

/// What the page shows of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shown {
    #[default]
    All,
    /// Nothing for a table in a chat.
    NoTables,
    /// The component is drawn without its value.
    Nothing,
}

/// The reply in one component, as far as it was received.
pub(crate) struct ReplyTrack {
    source: ReplySource,
    pub(crate) content: Content,
    /// Arrival of each part of the text, and the length of the text with it in characters.
    parts_of_text: Vec<(Duration, usize)>,
    first_thinking: Option<Duration>,
    first_part: Option<Duration>,
    changed: Option<Duration>,
}

impl ReplyTrack {
    pub(crate) fn new(source: ReplySource) -> Self {
        Self {
            source,
            content: Content::default(),
            parts_of_text: Vec::new(),
            first_thinking: None,
            first_part: None,
            changed: None,
        }
    }

    pub(crate) fn id(&self) -> Id {
        self.source.id
    }

    /// Takes a new value. Returns whether the reply may have started with it.
    pub(crate) fn note(&mut self, value: &Value, since: Duration) -> bool {
        let mut content = self.read(value);
        if self.source.shown == Shown::NoTables {
            content.parts.retain(|part| part.kind != "dataframe");
        }
        content.extract_thinking(&self.source.reasoning_tags);
        if !content.thinking.is_empty() {
            self.first_thinking.get_or_insert(since);
        }
        if !content.parts.is_empty() {
            self.first_part.get_or_insert(since);
        }
        let common = common_prefix(&self.content.text, &content.text);
        self.truncate(common);
        let known = self.parts_of_text.last().map_or(0, |&(_, length)| length);
        let length = content.text.chars().count();
        if length > known {
            self.parts_of_text.push((since, length));
        }
        let starts = self.content.is_empty() || self.parts_of_text.len() <= 1;
        if content != self.content {
            self.changed = Some(since);
        }
        self.content = content;
        starts
    }

    /// When the content last changed.
    pub(crate) fn changed(&self) -> Option<Duration> {
        self.changed
    }

    /// Removes the parts of the text that a new value replaced. A part of which at least half is left
    /// stays: bots append a cursor sign to the text and remove it with the next chunk.
    fn truncate(&mut self, common: usize) {
        while let Some(&(_, length)) =
            self.parts_of_text.last().filter(|(_, length)| *length > common)
        {
            let count = self.parts_of_text.len();
            let start = if count > 1 { self.parts_of_text[count - 2].1 } else { 0 };
            let left = common.saturating_sub(start);
            if left > 0 && left * 2 >= length - start {
                self.parts_of_text[count - 1].1 = common;
                return;
            }
            self.parts_of_text.pop();
        }
    }

    /// Whether a value that only appends changes none of the times.
    pub(crate) fn has_text(&self) -> bool {
        !self.parts_of_text.is_empty()
    }

    /// Arrival of the first text that is in the final reply.
    pub(crate) fn first_text(&self) -> Option<Duration> {
        if self.content.text.is_empty() {
            return self.first_part.filter(|_| !self.content.parts.is_empty());
        }
        self.parts_of_text.first().map(|&(at, _)| at).or(self.first_thinking)
    }

    /// Arrival of the first text, thinking block or part that is in the final reply.
    pub(crate) fn first_chunk(&self) -> Option<Duration> {
        let thinking = self.first_thinking.filter(|_| !self.content.thinking.is_empty());
        let part = self.first_part.filter(|_| !self.content.parts.is_empty());
        [self.first_text(), thinking, part].into_iter().flatten().min()
    }

    /// Characters of the reply, including thinking.
    pub(crate) fn length(&self) -> usize {
        let thinking = self.content.thinking.iter().map(|thought| thought.text.chars().count());
        self.content.text.chars().count() + thinking.sum::<usize>()
    }

    pub(crate) fn into_answer(mut self) -> Answer {
        if self.is_markdown() {
            self.content.add_markdown_images();
        }
        Answer {
            label: self.source.label,
            kind: self.source.kind,
            text: self.content.text,
            thinking: self.content.thinking,
            parts: self.content.parts,
        }
    }

    /// Whether the page shows the text as Markdown. The API of a `ChatInterface` returns what the chat
    /// shows.
    fn is_markdown(&self) -> bool {
        let kind = self.source.kind.as_str();
        !self.source.is_message_box
            && (is_chat(kind)
                || matches!(kind, "markdown" | RENDERED_KIND)
                || (kind == "json" && !self.source.may_show_conversation))
    }

    /// The new content of a value, or of the value in an update.
    fn read(&self, value: &Value) -> Content {
        let is_update = value.get("__type__").is_some_and(|kind| kind == "update");
        let value = if is_update { &value["value"] } else { value };
        if self.source.shown == Shown::Nothing {
            return Content::default();
        }
        let ReplySource { kind, before, message, may_show_conversation, is_message_box, .. } =
            &self.source;
        let rendered = |value: &'_ Value| value.get("chatbot").is_some() && kind == RENDERED_KIND;
        let (kind, value) =
            if rendered(value) { ("chatbot", &value["chatbot"]) } else { (kind.as_str(), value) };
        let before = if rendered(before) { &before["chatbot"] } else { before };
        let chat = is_chat(kind);
        // A repeated text is a new reply; an unchanged chat is not.
        if chat && value == before {
            return Content::default();
        }
        if *is_message_box {
            let text = value.as_str().unwrap_or_default();
            return Content::of_text(
                text.strip_prefix(message.as_str()).unwrap_or(text).trim_start(),
            );
        }
        if !chat
            && *may_show_conversation
            && let Some(text) = novelty::after_message(kind, value, before, message)
        {
            return Content::of_text(&text);
        }
        match value {
            Value::String(text) if kind == "html" => Content::of_html(&html::read(text)),
            value => Content::read(kind, value),
        }
    }
}

/// Characters that two texts have in common at their start.
fn common_prefix(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn first_text_is_in_the_final_reply() {
        let cases: &[(&str, &[&str], Option<u64>)] = &[
            ("plain stream", &["He", "Hello", "Hello you"], Some(1)),
            ("placeholder", &["⏳ Thinking…", "⏳ Thinking…", "The answer"], Some(3)),
            ("placeholder with the same start", &["Thinking…", "The answer is 42"], Some(2)),
            ("cursor sign", &["H▌", "Hello▌", "Hello you"], Some(1)),
            ("cleared", &["Thinking…", ""], None),
        ];
        for (name, texts, expected) in cases {
            let mut track = ReplyTrack::new(ReplySource {
                kind: "textbox".to_owned(),
                ..ReplySource::default()
            });
            for (at, text) in (1..).zip(*texts) {
                track.note(&json!(text), Duration::from_secs(at));
            }
            assert_eq!(track.first_text(), expected.map(Duration::from_secs), "{name}");
        }
    }

    #[test]
    fn thoughts_in_tags_are_no_text() {
        let mut track = ReplyTrack::new(ReplySource {
            kind: "json".to_owned(),
            reasoning_tags: vec![("<t>".to_owned(), "</t>".to_owned())],
            ..ReplySource::default()
        });
        track.note(&json!("<t>a num"), Duration::from_secs(1));
        track.note(&json!("<t>a number</t>\n\n42"), Duration::from_secs(2));
        assert_eq!(track.content.text, "42");
        assert_eq!(track.content.thinking[0].text, "a number");
        assert_eq!(track.first_text(), Some(Duration::from_secs(2)));
    }

    #[test]
    fn value_in_an_update_is_read_as_a_value() {
        let before = json!([["hi", "hello"]]);
        let pairs = json!([["hi", "hello"], ["again", "yes"]]);
        let page = json!("<p>hi</p><p>yes</p>");
        let rows = [
            ("chatbot", before.clone(), pairs, "yes"),
            ("chatbot", before.clone(), before, ""),
            ("html", json!(""), page, "yes"),
            ("textbox", json!("no"), json!("yes"), "yes"),
        ];
        for (kind, before, value, expected) in rows {
            let mut track = ReplyTrack::new(ReplySource {
                kind: kind.to_owned(),
                before,
                message: "hi".to_owned(),
                may_show_conversation: true,
                ..ReplySource::default()
            });
            track.note(&json!({ "__type__": "update", "value": value }), Duration::ZERO);
            assert_eq!(track.content.text, expected, "{kind}");
        }
    }

    #[test]
    fn table_that_the_chat_hides_is_not_a_reply() {
        let table = json!({ "component": "dataframe", "value": { "data": [["42"]] } });
        let chat = json!([{ "role": "assistant", "content": table }]);
        for (shown, is_empty) in
            [(Shown::All, false), (Shown::NoTables, true), (Shown::Nothing, true)]
        {
            let source =
                ReplySource { kind: "chatbot".to_owned(), shown, ..ReplySource::default() };
            let mut track = ReplyTrack::new(source);
            track.note(&chat, Duration::ZERO);
            assert_eq!(track.content.is_empty(), is_empty, "{shown:?}");
        }
    }

    #[test]
    fn image_in_markdown_is_a_part() {
        let text = "Here it is:\n![a cat](https://a.b/cat.png?key=secret)";
        let chat = json!([{ "role": "assistant", "content": text }]);
        for (kind, value, count) in
            [("chatbot", &chat, 1), ("markdown", &json!(text), 1), ("textbox", &json!(text), 0)]
        {
            let source = ReplySource { kind: kind.to_owned(), ..ReplySource::default() };
            let mut track = ReplyTrack::new(source);
            track.note(value, Duration::ZERO);
            let answer = track.into_answer();
            assert_eq!((answer.text.as_str(), answer.parts.len()), (text, count), "{kind}");
            assert!(answer.parts.iter().all(|part| part.name.as_deref() == Some("a cat")));
        }
    }

    #[test]
    fn json_is_markdown_only_in_the_api_of_a_chat() {
        for (may_show_conversation, count) in [(false, 1), (true, 0)] {
            let source = ReplySource {
                kind: "json".to_owned(),
                may_show_conversation,
                ..ReplySource::default()
            };
            let mut track = ReplyTrack::new(source);
            track.note(&json!({ "md": "![a cat](cat.png)" }), Duration::ZERO);
            assert_eq!(track.into_answer().parts.len(), count, "{may_show_conversation}");
        }
    }

    #[test]
    fn completion_in_the_message_box_is_read_without_the_prompt() {
        let mut track = ReplyTrack::new(ReplySource {
            kind: "textbox".to_owned(),
            message: "Once upon".to_owned(),
            is_message_box: true,
            ..ReplySource::default()
        });
        track.note(&json!("Once upon"), Duration::ZERO);
        assert_eq!(track.content.text, "");
        track.note(&json!("Once upon a time"), Duration::ZERO);
        assert_eq!(track.content.text, "a time");
    }
}
