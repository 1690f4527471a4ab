//! Reads the parts of `prometheus.yml` that `vigie bridge` supports: `global`, `scrape_configs` and
//! `remote_write`. Every setting that is not supported or not valid is reported with its path.

mod receiver;
mod section;
mod target;
mod units;
mod yaml;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use remote_write::Settings;
use scrape_engine::engine::Batches;
use scrape_engine::scraping::Target;

pub(crate) use target::{FALLBACK, fallback_format};

use section::{File, Section};

/// Sections of Prometheus that have no meaning for a sender.
const IGNORED: [&str; 7] =
    ["alerting", "otlp", "remote_read", "rule_files", "runtime", "storage", "tracing"];

/// Settings of `vigie bridge` from the file.
pub(crate) struct Configuration {
    pub(crate) targets: Vec<Target>,
    pub(crate) receiver: Settings,
    /// Sign requests with AWS credentials for this region.
    pub(crate) sigv4_region: Option<String>,
    pub(crate) batches: Batches,
    /// Samples in the queue, at most.
    pub(crate) capacity: Option<usize>,
    /// Paths of settings without a meaning for the bridge.
    pub(crate) ignored: Vec<String>,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ConfigError {
    #[error("could not read `{}`", file.display())]
    Read { file: PathBuf, source: std::io::Error },
    #[error("`{}` is not valid YAML", file.display())]
    Yaml { file: PathBuf, source: Box<serde_saphyr::Error> },
    #[error("`{}` cannot be used{}", file.display(), Lines(problems))]
    Settings { file: PathBuf, problems: Vec<String> },
    #[error("could not set up the HTTP client of a target")]
    Client { source: reqwest::Error },
}

struct Lines<'p>(&'p [String]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|problem| write!(to, "\n  {problem}"))
    }
}

/// Reads the file at `path`. Relative paths in it start at its folder.
pub(crate) fn read(path: &Path) -> Result<Configuration, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { file: path.to_owned(), source })?;
    parse(&text, path)
}

fn parse(text: &str, path: &Path) -> Result<Configuration, ConfigError> {
    let invalid = |source| ConfigError::Yaml { file: path.to_owned(), source: Box::new(source) };
    let value = yaml::read(text).map_err(invalid)?;
    let file = RefCell::new(File::new(path.parent().unwrap_or(Path::new("."))));
    let mut top = Section::top(value, &file);
    for key in IGNORED {
        top.ignore(key);
    }
    let global = target::Global::read(top.section("global"));
    let mut targets = Vec::new();
    let scrape_configs = top.sections("scrape_configs");
    if scrape_configs.is_empty() {
        top.problem("scrape_configs", "is not set; expected at least one target");
    }
    let mut jobs = BTreeSet::new();
    for section in scrape_configs {
        targets.extend(target::read(section, &global, &mut jobs)?);
    }
    let mut receivers = top.sections("remote_write").into_iter();
    let first = receivers.next();
    if first.is_none() {
        top.problem("remote_write", "is not set; expected one receiver");
    }
    let receiver = first.and_then(receiver::read);
    if receivers.next().is_some() {
        top.problem("remote_write[1]", "is not supported; expected one receiver");
    }
    top.finish();
    let File { problems, ignored, .. } = file.into_inner();
    match receiver {
        Some(receiver) if problems.is_empty() => Ok(Configuration {
            targets,
            receiver: receiver.settings,
            sigv4_region: receiver.sigv4_region,
            batches: receiver.batches,
            capacity: receiver.capacity,
            ignored,
        }),
        _ => Err(ConfigError::Settings { file: path.to_owned(), problems }),
    }
}

#[cfg(test)]
mod tests;
