//! The set of pages: what a target answers to each scrape.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Context as _;
use deploy::run;

use super::{http_answers, pages_of_exporters, pages_with_settings, protobuf_pages};

/// The pages by their names.
pub(crate) type Set = BTreeMap<String, Script>;

/// What a target answers.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) answers: Vec<Answer>,
    /// Further settings of the scrape, in YAML: empty, or beginning with a comma.
    pub(crate) settings: String,
}

pub(crate) const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
pub(crate) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// One answer of a target.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Page {
        content_type: &'static str,
        body: Vec<u8>,
    },
    /// The whole answer as it is sent.
    Raw(Vec<u8>),
}

impl Answer {
    pub(crate) fn text(body: &str) -> Self {
        Self::Page { content_type: TEXT, body: body.as_bytes().to_vec() }
    }

    pub(crate) fn status(status: u16) -> Self {
        let head =
            format!("HTTP/1.1 {status} Status\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        Self::Raw(head.into_bytes())
    }

    /// The bytes to send. Places such as `@+1500@` become a time so many milliseconds after `base_ms`.
    pub(crate) fn to_bytes(&self, base_ms: i64) -> Vec<u8> {
        match self {
            Self::Raw(bytes) => bytes.clone(),
            Self::Page { content_type, body } => {
                let body = filled(content_type, body, base_ms);
                let mut answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                )
                .into_bytes();
                answer.extend(body);
                answer
            }
        }
    }
}

fn filled(content_type: &str, body: &[u8], base_ms: i64) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(body) else { return body.to_vec() };
    let mut filled = String::new();
    for (index, part) in text.split('@').enumerate() {
        let at = part.parse::<i64>().ok().filter(|_| index % 2 == 1).map(|part| base_ms + part);
        match at {
            None => filled.push_str(part),
            Some(at) if content_type == TEXT => filled.push_str(&at.to_string()),
            Some(at) => {
                let _ = write!(filled, "{}.{:03}", at / 1000, at % 1000);
            }
        }
    }
    filled.into_bytes()
}

/// It has a series `up`, so that the series has two values at each scrape. Which of them a receiver keeps depends on the order
/// in which Prometheus sends them, and this order varies.
const WITHOUT_ONE_RESULT: &str = "up-of-its-own.prom";

/// All pages: those of `tests/fixtures/expositions` as both formats, those of exporters, whole answers, protobuf,
/// and pages with settings.
pub(crate) fn all() -> anyhow::Result<Set> {
    let mut set = Set::new();
    for (name, body) in fixtures()? {
        let mut add = |suffix: &str, content_type, body| {
            let page = Answer::Page { content_type, body };
            set.insert(format!("{name}-{suffix}"), script(page));
        };
        let with_end = [body.as_slice(), b"# EOF\n"].concat();
        if !body.ends_with(b"# EOF\n") {
            add("as-om-with-end", OPEN_METRICS, with_end);
        }
        add("as-text", TEXT, body.clone());
        add("as-om", OPEN_METRICS, body);
    }
    for (name, content_type, body) in pages_of_exporters::all() {
        set.insert(name, script(Answer::Page { content_type, body: body.into_bytes() }));
    }
    for (name, answer) in http_answers::all() {
        set.insert(name, script(Answer::Raw(answer)));
    }
    for (name, answers) in protobuf_pages::all() {
        let answers = answers.into_iter().map(Answer::Raw).collect();
        set.insert(name, Script { answers, settings: String::new() });
    }
    for (name, settings, answers) in pages_with_settings::all() {
        set.insert(name, Script { answers, settings });
    }
    Ok(set)
}

/// Present, absent, present again: tests stale markers and the count of new series.
fn script(page: Answer) -> Script {
    let answers = vec![page.clone(), Answer::text("other 1\n"), page];
    Script { answers, settings: String::new() }
}

fn fixtures() -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let folder = run::root().join("tests/fixtures/expositions");
    let mut pages = Vec::new();
    for entry in std::fs::read_dir(&folder).context("the fixtures are part of the repository")? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("prom" | "om")) && name != WITHOUT_ONE_RESULT {
            pages.push((name.to_owned(), std::fs::read(&path)?));
        }
    }
    Ok(pages)
}
