//! `apps.yaml`: the compared apps, how they are served, and the expected results.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use deploy::python::Environment;
use serde::{Deserialize, Serialize};

use crate::checks::Check;

/// The tested versions of Gradio.
const VERSIONS: [Environment; 3] = [
    Environment {
        name: "gradio-4.44.1",
        requirements: "tests/fixtures/gradio/requirements/gradio-4.44.1.txt",
    },
    Environment {
        name: "gradio-5.50.0",
        requirements: "tests/fixtures/gradio/requirements/gradio-5.50.0.txt",
    },
    Environment {
        name: "gradio-6.31.0",
        requirements: "tests/fixtures/gradio/requirements/gradio-6.31.0.txt",
    },
];

/// One app of the manifest with all its variants.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    /// File in `apps/` without `.py`; the entry's name by default.
    app: Option<String>,
    /// File in `apps/` without `.yaml`; the app's name by default.
    probe: Option<String>,
    #[serde(default = "newest")]
    gradio: Vec<Release>,
    #[serde(default = "plain")]
    serve: Vec<Serving>,
    /// Appended to the address of the app, such as `/chat?tenant=acme`.
    #[serde(default)]
    path: String,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    browser: Hints,
    #[serde(default)]
    right: Right,
    /// Why Vigie may refuse the app with `endpoint_missing`, although it works in a browser.
    may_refuse: Option<String>,
    /// Why the answers may differ, such as JavaScript that Vigie does not run.
    may_differ: Option<String>,
    /// The public project and file, or the issue, whose wiring the app repeats.
    #[serde(rename = "source")]
    _source: Option<String>,
    #[serde(rename = "note")]
    _note: Option<String>,
}

fn newest() -> Vec<Release> {
    vec![Release::Six]
}

fn plain() -> Vec<Serving> {
    vec![Serving::Plain]
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Release {
    #[serde(rename = "4.44.1")]
    Four,
    #[serde(rename = "5.50.0")]
    Five,
    #[serde(rename = "6.31.0")]
    Six,
}

/// How the app is served.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Serving {
    /// By its own server, without server-side rendering.
    Plain,
    /// By its own server, with server-side rendering.
    Ssr,
    /// Mounted in a `FastAPI` app below `/bot`.
    Mounted,
    /// Behind nginx below `/app`, with a matching `root_path`.
    Nginx,
    /// Behind nginx below `/app`, which removes the prefix while the app does not know it.
    NginxStripped,
}

/// Hints for the driver of the browser if a page is ambiguous.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Hints {
    /// Label, placeholder or CSS selector of the box for the message.
    #[serde(rename = "box", skip_serializing_if = "Option::is_none")]
    message_box: Option<String>,
    /// Name of the button that sends, if Enter does not send.
    #[serde(skip_serializing_if = "Option::is_none")]
    button: Option<String>,
    /// CSS selectors of the outputs with the answer; empty for every chatbot on the page.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    replies: Vec<String>,
    /// Buttons or tabs to click before the first message.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    prepare: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    login: Option<Login>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Login {
    user: String,
    password: String,
}

/// The expected verdict.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Right {
    #[default]
    Up,
    /// Usable, but slower than the probe's objective.
    Degraded,
    Down,
}

/// The part of a probe file that the browser needs: the prompts and the checks.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Probe {
    pub(crate) conversation: Vec<Turn>,
    timeout: String,
    /// Those of the whole probe; the files of this package have none for single turns.
    #[serde(default)]
    objectives: Objectives,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Objectives {
    first_chunk: Option<String>,
    reply: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Turn {
    pub(crate) say: String,
    #[serde(default)]
    pub(crate) expect: Vec<Check>,
}

impl Probe {
    /// The probe's `timeout`, in milliseconds; the files of this package write it in seconds.
    pub(crate) fn timeout_ms(&self) -> anyhow::Result<u64> {
        let milliseconds = milliseconds(&self.timeout);
        milliseconds.with_context(|| {
            format!("`timeout` is `{}`; expected a number of seconds, such as `30s`", self.timeout)
        })
    }

    /// The objective for the first text, in milliseconds.
    pub(crate) fn first_text_objective_ms(&self) -> Option<u64> {
        self.objectives.first_chunk.as_deref().and_then(milliseconds)
    }

    /// The objective for the whole answer, in milliseconds.
    pub(crate) fn reply_objective_ms(&self) -> Option<u64> {
        self.objectives.reply.as_deref().and_then(milliseconds)
    }
}

fn milliseconds(seconds: &str) -> Option<u64> {
    seconds.strip_suffix('s')?.parse::<u64>().ok().map(|seconds| seconds * 1_000)
}

/// One app, served in one way on one version of Gradio.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// Such as `lock-first@6.31.0+ssr`.
    pub(crate) name: String,
    pub(crate) release: Release,
    pub(crate) serving: Serving,
    pub(crate) program: PathBuf,
    pub(crate) probe_file: PathBuf,
    pub(crate) probe: Probe,
    pub(crate) path: String,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) hints: Hints,
    pub(crate) right: Right,
    pub(crate) may_refuse: bool,
    pub(crate) may_differ: bool,
}

impl Release {
    pub(crate) fn environment(self) -> Environment {
        VERSIONS[self as usize]
    }

    fn number(self) -> &'static str {
        self.environment().name.trim_start_matches("gradio-")
    }
}

impl Serving {
    fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Ssr => "+ssr",
            Self::Mounted => "+mounted",
            Self::Nginx => "+nginx",
            Self::NginxStripped => "+nginx-stripped",
        }
    }
}

/// The releases of Gradio that `cases` need.
pub(crate) fn releases(cases: &[Case]) -> BTreeSet<Release> {
    cases.iter().map(|case| case.release).collect()
}

/// The cases whose name contains one of the words of `only`; all when it is blank.
pub(crate) fn read(folder: &Path, only: &str) -> anyhow::Result<Vec<Case>> {
    let entries: Vec<Entry> = parse(&folder.join("apps.yaml"))?;
    let mut cases = Vec::new();
    for entry in entries {
        cases.extend(entry.cases(folder).with_context(|| format!("app `{}`", entry.name))?);
    }
    let words: Vec<&str> = only.split_whitespace().collect();
    cases.retain(|case| words.is_empty() || words.iter().any(|word| case.name.contains(word)));
    Ok(cases)
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    serde_saphyr::from_str(&text).with_context(|| format!("cannot parse `{}`", path.display()))
}

impl Entry {
    fn cases(&self, folder: &Path) -> anyhow::Result<Vec<Case>> {
        let app = self.app.as_ref().unwrap_or(&self.name);
        let probe_file =
            folder.join("apps").join(self.probe.as_ref().unwrap_or(app)).with_extension("yaml");
        let probe: Probe = parse(&probe_file)?;
        let case = |&release: &Release, &serving: &Serving| Case {
            name: format!("{}@{}{}", self.name, release.number(), serving.suffix()),
            release,
            serving,
            program: folder.join("apps").join(app).with_extension("py"),
            probe_file: probe_file.clone(),
            probe: probe.clone(),
            path: self.path.clone(),
            env: self.env.clone(),
            hints: self.browser.clone(),
            right: self.right,
            may_refuse: self.may_refuse.is_some(),
            may_differ: self.may_differ.is_some(),
        };
        let releases = self.gradio.iter();
        Ok(releases
            .flat_map(|release| self.serve.iter().map(move |serving| case(release, serving)))
            .collect())
    }
}
