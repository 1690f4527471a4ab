//! The key `scrape`: one mapping or a list, with the names of Prometheus.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::probe::DEFAULT_JOB;
use domain::scrape::{Scrape, ScrapeOptions, TextFormat, is_scrape_interval};

use crate::common::label_value;
use crate::diagnostic::Diagnostic;
use crate::keys::{FALLBACKS, SCRAPE};
use crate::node::{Node, Value};
use crate::scrape_http::scrape_http;
use crate::units::written;
use crate::walk::{Fields, Walk};

pub(crate) fn scrapes(walk: &mut Walk<'_>, node: &Node) -> Option<Vec<Scrape>> {
    let Value::List(items) = &node.value else { return Some(vec![scrape(walk, node)?]) };
    let scrapes: Vec<Option<Scrape>> = items.iter().map(|item| scrape(walk, item)).collect();
    let mut jobs = BTreeSet::new();
    for (item, scrape) in items.iter().zip(&scrapes) {
        if let Some(scrape) = scrape
            && !jobs.insert(scrape.job.as_str())
        {
            let message = format!("the job `{}` occurs twice", scrape.job);
            walk.note(Diagnostic::new(
                &item.place(),
                message,
                "expected another `job_name` for each scrape",
            ));
        }
    }
    scrapes.into_iter().collect()
}

fn scrape(walk: &mut Walk<'_>, node: &Node) -> Option<Scrape> {
    let fields = walk.fields(node, &SCRAPE, &node.place())?;
    let path =
        either(walk, &fields, "path", "metrics_path").map_or(Some("/metrics"), |n| path(walk, n));
    let job = either(walk, &fields, "job", "job_name")
        .map_or(Some(DEFAULT_JOB), |node| label_value(walk, node));
    let every = either(walk, &fields, "every", "scrape_interval")
        .map_or(Some(Duration::from_secs(15)), |node| interval(walk, node));
    let timeout = fields.get("scrape_timeout").map(|node| timeout(walk, node, every));
    let options = options(walk, &fields);
    let http = scrape_http(walk, &fields);
    Some(Scrape {
        path: path?.to_owned(),
        job: job?.to_owned(),
        every: every?,
        timeout: timeout.map_or(Some(None), |timeout| timeout.map(Some))?,
        options: options?,
        http: http?,
    })
}

/// The value of one of two keys with the same meaning.
fn either<'n>(
    walk: &mut Walk<'_>,
    fields: &Fields<'n>,
    one: &str,
    other: &str,
) -> Option<&'n Node> {
    let (first, second) = (fields.get(one), fields.entry(other));
    if let (Some(_), Some((key, _))) = (first, second) {
        let message = format!("`{one}` and `{other}` are the same setting");
        walk.note(Diagnostic::new(&key.at, message, "expected one of them"));
    }
    first.or(second.map(|(_, node)| node))
}

fn path<'n>(walk: &mut Walk<'_>, node: &'n Node) -> Option<&'n str> {
    let path = walk.plain(node, "text such as `/metrics`")?;
    let good =
        path.starts_with('/') && !path.starts_with("//") && !path.contains(char::is_whitespace);
    if !good {
        let message = format!("`{path}` is not a path");
        let expected = "expected a path on the target's host, such as `/metrics`";
        walk.note(Diagnostic::new(&node.at, message, expected));
    }
    good.then_some(path)
}

fn interval(walk: &mut Walk<'_>, node: &Node) -> Option<Duration> {
    let every = walk.duration(node)?;
    let good = is_scrape_interval(every);
    if !good {
        let message = format!("a target can't be scraped every `{}`", walk.at(&node.at));
        walk.note(Diagnostic::new(&node.at, message, "expected a multiple of `5s` up to `1h`"));
    }
    good.then_some(every)
}

fn timeout(walk: &mut Walk<'_>, node: &Node, every: Option<Duration>) -> Option<Duration> {
    let timeout = walk.duration(node)?;
    let longest = every.unwrap_or(timeout);
    let good = !timeout.is_zero() && timeout <= longest;
    if !good {
        let message = format!("a scrape can't take `{}`", walk.at(&node.at));
        let expected = format!("expected a duration up to the interval, `{}`", written(longest));
        walk.note(Diagnostic::new(&node.at, message, expected));
    }
    good.then_some(timeout)
}

fn options(walk: &mut Walk<'_>, fields: &Fields<'_>) -> Option<ScrapeOptions> {
    let mut flag = |name: &str, default: bool| {
        fields.get(name).map_or(Some(default), |node| walk.boolean(node))
    };
    let honor_labels = flag("honor_labels", false);
    let honor_timestamps = flag("honor_timestamps", true);
    let bounds_as_written = flag("bounds_as_written", false);
    let scrape_native_histograms = flag("scrape_native_histograms", false);
    let always_scrape_classic_histograms = flag("always_scrape_classic_histograms", false);
    let mut limit = |name: &str| match fields.get(name) {
        None => Some(None),
        Some(node) => walk.integer(node, 1..=u32::MAX).map(Some),
    };
    let body_size_limit = limit("body_size_limit");
    let sample_limit = limit("sample_limit");
    let label_limit = limit("label_limit");
    let label_name_length_limit = limit("label_name_length_limit");
    let label_value_length_limit = limit("label_value_length_limit");
    let params = fields.get("params").map_or(Some(BTreeMap::new()), |node| params(walk, node));
    let fallback = match fields.get("fallback_scrape_protocol") {
        None => Some(None),
        Some(node) => fallback(walk, node).map(Some),
    };
    let rules = fields.get("metric_relabel_configs");
    let rules = rules.map_or(Some(Vec::new()), |node| rules_of(walk, node));
    Some(ScrapeOptions {
        params: params?,
        honor_labels: honor_labels?,
        ignore_timestamps: !honor_timestamps?,
        bounds_as_written: bounds_as_written?,
        fallback_scrape_protocol: fallback?,
        scrape_native_histograms: scrape_native_histograms?,
        always_scrape_classic_histograms: always_scrape_classic_histograms?,
        body_size_limit: body_size_limit?,
        sample_limit: sample_limit?,
        label_limit: label_limit?,
        label_name_length_limit: label_name_length_limit?,
        label_value_length_limit: label_value_length_limit?,
        metric_relabel_configs: rules?,
    })
}

fn params(walk: &mut Walk<'_>, node: &Node) -> Option<BTreeMap<String, Vec<String>>> {
    let mut params = BTreeMap::new();
    for (key, values) in walk.entries(node, "a mapping of names to lists")? {
        let mut texts = Vec::new();
        for value in walk.items(values, "a list of texts")? {
            texts.push(walk.plain(value, "text")?.to_owned());
        }
        params.insert(key.text.clone(), texts);
    }
    Some(params)
}

fn fallback(walk: &mut Walk<'_>, node: &Node) -> Option<TextFormat> {
    let name = walk.plain(node, "the name of a format")?;
    let format = serde_json::from_value(name.into()).ok();
    if format.is_none() {
        let names = FALLBACKS.map(|name| format!("`{name}`")).join(", ");
        let message = format!("`{name}` is not a format");
        walk.note(Diagnostic::new(&node.at, message, format!("expected one of {names}")));
    }
    format
}

/// A rule in which numbers and truth values are texts as they are written, such as `1.10`, since Prometheus takes them so.
fn rule_of(walk: &Walk<'_>, node: &Node) -> serde_json::Value {
    let Value::Map(entries) = &node.value else { return node.to_json() };
    let written = entries.iter().map(|(key, value)| {
        let is_plain = matches!(value.value, Value::Bool(_) | Value::Integer(_) | Value::Float(_));
        let text = walk.at(&value.at);
        // The place of an alias has its name, not its value.
        let is_text = is_plain && key.text != "modulus" && !text.starts_with('*');
        let json = if is_text { text.into() } else { value.to_json() };
        (key.text.clone(), json)
    });
    written.collect()
}

fn rules_of(walk: &mut Walk<'_>, node: &Node) -> Option<Vec<relabel::Config>> {
    let mut rules = Vec::new();
    for item in walk.items(node, "a list of rules")? {
        // Serde reads the rule, since its keys are those of Prometheus.
        let rule = serde_json::from_value::<relabel::Config>(rule_of(walk, item));
        let problem = match rule {
            Ok(rule) => match relabel::Rule::new(&rule) {
                Ok(_) => {
                    rules.push(rule);
                    continue;
                }
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        walk.note(Diagnostic::new(&item.place(), problem, "expected a relabel rule"));
    }
    (rules.len() == walk.items(node, "a list of rules")?.len()).then_some(rules)
}
