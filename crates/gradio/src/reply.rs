//! Reads a reply: the text of the answer, thinking blocks, and parts that are not text.
//!
//! Values have many shapes: text, pairs (up to 5.x), messages (since 4.44), updates, components,
//! files. A value of any other shape becomes its JSON text, so that a check can read it.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::config::is_chat;
use crate::html;
use crate::markdown;
use crate::timing::TurnTiming;

/// Media elements of one HTML reply that are listed.
const MAX_PARTS: usize = 100;

/// A complete reply.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// The answer without thinking. Messages of one reply are separated by line breaks.
    pub text: String,
    /// Thinking and tool blocks, in order.
    pub thinking: Vec<Thought>,
    /// Parts that are not text: images, files, components.
    pub parts: Vec<Part>,
    /// Label of the component with the reply.
    pub label: Option<String>,
    /// Replies in other components, such as the second chatbot of an arena.
    pub others: Vec<Answer>,
    /// Messages that the page shows for some seconds.
    pub toasts: Vec<Toast>,
    /// `full` or `partial` when the app took the reply from its cache (`gr.cache`).
    pub cached: Option<String>,
    /// The times of the turn.
    pub timing: TurnTiming,
}

/// The reply in one component.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Label of the component.
    pub label: Option<String>,
    /// Type of the component.
    pub kind: String,
    /// The answer without thinking.
    pub text: String,
    /// Thinking and tool blocks, in order.
    pub thinking: Vec<Thought>,
    /// Parts that are not text.
    pub parts: Vec<Part>,
}

/// A message that the page shows for some seconds (`gr.Info`, `gr.Warning`, `gr.Error`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Toast {
    /// `info`, `warning`, `success` or `error`.
    pub level: String,
    /// Title; empty before 5.0.
    pub title: String,
    /// Text.
    pub text: String,
}

/// A thinking or tool block, which the page shows collapsed under its title.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thought {
    /// Such as `Thinking`.
    pub title: String,
    /// Its text.
    pub text: String,
    /// `pending` or `done`; `None` when the app does not set it.
    pub status: Option<String>,
    /// Set by the app, not measured.
    pub duration: Option<Duration>,
}

/// A part of a reply that is not text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// `image`, `file`, `html`, or the type of another component, such as `plot`.
    pub kind: String,
    /// File name.
    pub name: Option<String>,
}

/// The components that a chatbot shows in a message. It shows nothing for others, such as `code` or `json`
/// (`chatbot/shared/Component.svelte` of Gradio 4.44, 5.50 and 6.31).
const SHOWN_IN_CHAT: [&str; 8] =
    ["audio", "dataframe", "gallery", "html", "image", "model3d", "plot", "video"];

/// Content of a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    /// Text of the answer.
    pub text: String,
    /// Thinking and tool blocks.
    pub thinking: Vec<Thought>,
    /// Parts that are not text.
    pub parts: Vec<Part>,
}

impl Content {
    /// Whether there is an answer: text or a part. Thinking is not an answer.
    #[must_use]
    pub fn has_answer(&self) -> bool {
        !self.text.is_empty() || !self.parts.is_empty()
    }

    /// Whether there is neither answer nor thinking.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.has_answer() && self.thinking.is_empty()
    }

    /// Reads the value of a component of this type (`chatbot`, `json`, `textbox` …).
    #[must_use]
    pub fn read(kind: &str, value: &Value) -> Self {
        let mut content = Self::default();
        match value {
            Value::Array(pairs) if is_chat(kind) && pairs.iter().all(is_pair) => {
                content.add_pairs(pairs);
            }
            Value::Object(plot) if kind == "plot" && plot.contains_key("plot") => {
                content.parts.push(Part { kind: kind.to_owned(), name: None });
            }
            other => content.add(other),
        }
        content
    }

    /// Content that is only text.
    pub(crate) fn of_text(text: &str) -> Self {
        let mut content = Self::default();
        content.add_line(text);
        content
    }

    /// The visible content of HTML.
    pub(crate) fn of_html(html: &html::Text) -> Self {
        let mut content = Self::default();
        content.add_html(html, html.frames);
        content
    }

    /// Completes the content of a finished reply: if all of it is in titled blocks, the last one is the
    /// answer. The page shows a block without a status open, and folds one that is done.
    pub(crate) fn finish(&mut self) {
        let is_open = |thought: &Thought| thought.status.is_none();
        if !self.has_answer() && self.thinking.last().is_some_and(is_open) {
            self.text = self.thinking.pop().unwrap_or_default().text;
        }
    }

    /// Moves the parts of the text between these tags to the thinking blocks.
    pub(crate) fn extract_thinking(&mut self, tags: &[(String, String)]) {
        for (open, close) in
            tags.iter().filter(|(open, close)| !open.is_empty() && !close.is_empty())
        {
            if !self.text.contains(open) {
                continue;
            }
            let mut answer = String::new();
            let mut rest = self.text.as_str();
            while let Some((start, inner)) = rest.split_once(open) {
                let (inner, after) = inner.split_once(close).unwrap_or((inner, ""));
                let title = "Reasoning".to_owned();
                let text = inner.trim().to_owned();
                self.thinking.push(Thought { title, text, ..Thought::default() });
                answer.push_str(start);
                rest = after;
            }
            answer.push_str(rest);
            answer.trim().clone_into(&mut self.text);
        }
    }

    /// Adds the images that a page shows for the text of a finished reply.
    pub(crate) fn add_markdown_images(&mut self) {
        let image = |name| Part { kind: "image".to_owned(), name };
        self.parts.extend(markdown::images(&self.text).into_iter().take(MAX_PARTS).map(image));
    }

    /// Adds HTML that shows so many other pages.
    fn add_html(&mut self, html: &html::Text, frames: usize) {
        if html.blocks.is_empty() && html.media == 0 && frames == 0 {
            return;
        }
        self.add_line(&html.blocks.join("\n"));
        let image = Part { kind: "image".to_owned(), name: None };
        self.parts.extend(std::iter::repeat_n(image, html.media.min(MAX_PARTS)));
        self.parts.push(Part { kind: "html".to_owned(), name: None });
    }

    fn add(&mut self, value: &Value) {
        match value {
            Value::Null => {}
            Value::String(text) => self.add_text(text),
            Value::Array(items) if items.iter().all(has_role) => self.add_messages(items),
            Value::Array(items) if items.iter().all(|item| token(item).is_some()) => {
                self.add_text(&items.iter().filter_map(token).collect::<String>());
            }
            Value::Array(items) if items.iter().all(is_piece) => {
                for item in items {
                    self.add(item);
                }
            }
            Value::Object(map) => self.add_object(map, value),
            other => self.add_line(&other.to_string()),
        }
    }

    fn add_object(&mut self, map: &Map<String, Value>, whole: &Value) {
        match Shape::of(map) {
            Some(Shape::Update) => self.add(map.get("value").unwrap_or(&Value::Null)),
            Some(Shape::Message) => self.add_messages(std::slice::from_ref(whole)),
            Some(Shape::Component(kind)) => self.add_component(kind, map.get("value")),
            Some(Shape::WithFile(file)) => self.add_file(file),
            Some(Shape::File) => self.add_file(whole),
            Some(Shape::Text { text, files }) => {
                self.add_text(text);
                for file in files {
                    self.add(file);
                }
            }
            Some(Shape::Label(label)) => self.add_line(label),
            None => self.add_line(&whole.to_string()),
        }
    }

    /// A component in a message of a chat.
    fn add_component(&mut self, kind: &str, value: Option<&Value>) {
        let is_empty = match value {
            Some(Value::Array(items)) => items.is_empty(),
            other => other.is_some_and(Value::is_null),
        };
        match value {
            _ if is_empty || !SHOWN_IN_CHAT.contains(&kind) => {}
            Some(Value::String(html)) if kind == "html" => {
                let html = html::read(html);
                self.add_html(&html, html.frames);
            }
            _ => self.parts.push(Part { kind: kind.to_owned(), name: None }),
        }
    }

    /// The messages of the assistant after the last message of the user.
    fn add_messages(&mut self, items: &[Value]) {
        let role = |item: &Value| item.get("role").and_then(Value::as_str).map(str::to_owned);
        let spoken = items.iter().rposition(|item| role(item).as_deref() == Some("user"));
        for item in &items[spoken.map_or(0, |at| at + 1)..] {
            if role(item).as_deref() != Some("assistant") {
                continue;
            }
            let content = item.get("content").unwrap_or(&Value::Null);
            let metadata = item.get("metadata");
            match metadata.and_then(|metadata| metadata.get("title")).and_then(Value::as_str) {
                Some(title) => self.add_thought(title, content, metadata),
                None => self.add(content),
            }
        }
    }

    fn add_thought(&mut self, title: &str, content: &Value, metadata: Option<&Value>) {
        let mut inner = Self::default();
        inner.add(content);
        let field = |name| metadata.and_then(|metadata| metadata.get(name));
        let seconds = field("duration").and_then(Value::as_f64);
        self.thinking.push(Thought {
            title: title.to_owned(),
            text: inner.text,
            status: field("status").and_then(Value::as_str).map(str::to_owned),
            duration: seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        });
        self.parts.extend(inner.parts);
    }

    /// The bot's side of the last pair with a message of the user, and of the pairs after it.
    fn add_pairs(&mut self, pairs: &[Value]) {
        let spoken = pairs.iter().rposition(|pair| !pair[0].is_null()).unwrap_or(0);
        for pair in &pairs[spoken.min(pairs.len())..] {
            self.add(&pair[1]);
        }
    }

    fn add_file(&mut self, file: &Value) {
        let field = |name| file.get(name).and_then(Value::as_str);
        let paths = [file.as_str(), field("path"), field("url"), field("name")];
        let path = paths.into_iter().flatten().next();
        let name = field("orig_name").and_then(file_name).or_else(|| path.and_then(file_name));
        let mime = field("mime_type").unwrap_or_default();
        let image = mime.starts_with("image/") || name.is_some_and(is_image);
        let kind = if image { "image" } else { "file" };
        self.parts.push(Part { kind: kind.to_owned(), name: name.map(str::to_owned) });
    }

    fn add_text(&mut self, text: &str) {
        if let Some(kind) = component_in_repr(text) {
            if !SHOWN_IN_CHAT.contains(&kind) {
                return;
            }
            self.parts.push(Part { kind: kind.to_owned(), name: None });
        } else if let Some(name) = file_in_path(text) {
            self.add_file(&Value::from(name));
        } else if let Some(kind) = kind_of_data(text) {
            self.parts.push(Part { kind: kind.to_owned(), name: None });
        } else if html::is_html(text) {
            self.add_html(&html::read(text), 0);
        } else {
            let text = self.without_embedded_images(text);
            self.add_line(&text);
        }
    }

    /// Removes images that Markdown embeds as `![…](data:…)` and adds them as parts.
    fn without_embedded_images<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        if !text.contains("](data:") {
            return Cow::Borrowed(text);
        }
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("](data:") {
            let (Some(start), Some(end)) = (rest[..at].rfind("!["), rest[at..].find(')')) else {
                break;
            };
            out.push_str(&rest[..start]);
            let name = Some(rest[start + 2..at].to_owned()).filter(|name| !name.is_empty());
            self.parts.push(Part { kind: "image".to_owned(), name });
            rest = &rest[at + end + 1..];
        }
        out.push_str(rest);
        Cow::Owned(out.trim().to_owned())
    }

    fn add_line(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(text);
    }
}

/// A component in an API reply is sent as its Python representation (5.50, 6.31):
/// `<gradio.components.html.HTML object at 0x7f9cfa83d550>`.
fn component_in_repr(text: &str) -> Option<&str> {
    let (path, address) =
        text.strip_prefix("<gradio.")?.strip_suffix('>')?.split_once(" object at 0x")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let is_repr = path.chars().all(plain) && address.chars().all(|c| c.is_ascii_hexdigit());
    is_repr.then(|| path.rsplit('.').nth(1).or_else(|| path.rsplit('.').next())).flatten()
}

/// The name of a file on a server or at an address, whose query may contain a secret. Data has no name.
fn file_name(path: &str) -> Option<&str> {
    if path.starts_with("data:") {
        return None;
    }
    let path = match path.split_once("://") {
        // Without a path, the last part is the host, maybe after credentials.
        Some((_, address)) => address.split(['?', '#']).next()?.split_once('/')?.1,
        None => without_query(path),
    };
    path.rsplit(['/', '\\']).next().filter(|name| !name.is_empty())
}

/// A path without a query and a fragment with a value. `#` may be a part of a file's name.
fn without_query(path: &str) -> &str {
    let path = path.split('?').next().unwrap_or_default();
    path.split_once('#')
        .filter(|(_, fragment)| fragment.contains('='))
        .map_or(path, |(path, _)| path)
}

/// The API of a `ChatInterface` returns a file as its path on the server (6.31).
fn file_in_path(text: &str) -> Option<&str> {
    let temporary = text.starts_with('/') && text.contains("/gradio/");
    let file = is_image(text) && text.starts_with('/');
    ((temporary || file) && text.contains('.') && !text.contains(char::is_whitespace))
        .then_some(text)
}

/// Images are data in an address up to Gradio 3.
fn kind_of_data(text: &str) -> Option<&'static str> {
    let (kind, _) = text.strip_prefix("data:")?.split_once(";base64,")?;
    let is_plain = !kind.contains(char::is_whitespace) && !text.contains(char::is_whitespace);
    is_plain.then_some(if kind.starts_with("image/") { "image" } else { "file" })
}

fn is_image(name: &str) -> bool {
    const ENDINGS: [&str; 7] = [".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".bmp"];
    let name = name.to_ascii_lowercase();
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

fn has_role(item: &Value) -> bool {
    item.get("role").is_some_and(Value::is_string)
}

/// A part of a highlighted text.
fn token(item: &Value) -> Option<&str> {
    item.get("class_or_confidence")?;
    item.get("token")?.as_str()
}

fn is_pair(item: &Value) -> bool {
    item.as_array().is_some_and(|pair| pair.len() == 2)
}

/// Whether an item of a list is a piece of a reply and not data of the app.
fn is_piece(item: &Value) -> bool {
    match item {
        Value::String(_) => true,
        Value::Object(map) => Shape::of(map).is_some(),
        _ => false,
    }
}

/// Objects that Gradio creates. An object with other keys is data of the app, even if it also has one
/// of these keys.
enum Shape<'a> {
    Update,
    Message,
    /// Type of the component.
    Component(&'a str),
    /// An object with a file in it.
    WithFile(&'a Value),
    File,
    Text {
        text: &'a str,
        files: &'a [Value],
    },
    Label(&'a str),
}

impl<'a> Shape<'a> {
    fn of(map: &'a Map<String, Value>) -> Option<Self> {
        let text = |key: &str| map.get(key).and_then(Value::as_str);
        let only = |keys: &[&str]| map.keys().all(|key| keys.contains(&key.as_str()));
        if text("__type__") == Some("update") {
            return Some(Self::Update);
        }
        if text("role").is_some() {
            return Some(Self::Message);
        }
        if let Some(kind) = text("component")
            && ["value", "constructor_args", "props"].iter().any(|key| map.contains_key(*key))
        {
            return Some(Self::Component(kind));
        }
        for (name, keys) in WRAPPERS {
            if let Some(file) = map
                .get(name)
                .filter(|file| file.is_object() || (name == "file" && file.is_string()))
                && only(keys)
            {
                return Some(Self::WithFile(file));
            }
        }
        let marked = map.get("meta").is_some_and(|meta| meta["_type"] == "gradio.FileData");
        // Up to Gradio 3, the path of a file is its name.
        let is_named = text("name").is_some() && map.get("is_file") == Some(&Value::Bool(true));
        let located = text("path").is_some() || text("url").is_some() || is_named;
        if located && (marked || only(&FILE_KEYS)) {
            return Some(Self::File);
        }
        if let Some(said) = text("text")
            && only(&["text", "files", "type"])
        {
            let files = map.get("files").and_then(Value::as_array);
            return Some(Self::Text { text: said, files: files.map_or(&[], Vec::as_slice) });
        }
        text("label").filter(|_| map.contains_key("confidences")).map(Self::Label)
    }
}

/// Objects around a file, by the key of the file: a file in a chat, an item of a gallery, and a video.
const WRAPPERS: [(&str, &[&str]); 3] = [
    ("file", &["file", "alt_text", "type"]),
    ("image", &["image", "caption"]),
    ("video", &["video", "subtitles", "caption"]),
];

/// The keys of Gradio's `FileData`, from 3.x to 6.
const FILE_KEYS: [&str; 11] = [
    "alt_text",
    "path",
    "url",
    "size",
    "orig_name",
    "mime_type",
    "is_stream",
    "meta",
    "is_file",
    "name",
    "data",
];

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
