//! The keys of a probe, and the rules that concern several of them.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::location::MOST_LOCATIONS;
use domain::probe::{Retry, default_timeout, is_interval, longest_timeout};
use domain::{
    AlarmRule, AvailabilityObjective, Disclosure, EnvironmentName, MOfN, Objectives, Placement,
    Probe, ProbeName, ProbeSpec, Severity,
};

use crate::common::{environment, is_url, label_value, objectives};
use crate::conversation;
use crate::diagnostic::Diagnostic;
use crate::keys::{ALARM, MOST_ATTEMPTS, MOST_LABELS, PROBE, RESERVED_LABELS, RETRY};
use crate::label;
use crate::maintenance;
use crate::node::{Node, Place};
use crate::placement::placement;
use crate::scrape;
use crate::target;
use crate::units::written;
use crate::walk::{Fields, Walk};

/// Reads the probe; `None` if a part of it is not valid.
pub(crate) fn probe(walk: &mut Walk<'_>, root: &Node) -> Option<ProbeSpec> {
    let start = root.place();
    let fields = walk.fields(root, &PROBE, &start)?;
    let name = fields.get("probe").and_then(|node| name(walk, node));
    let every = fields.get("every").and_then(|node| interval(walk, node));
    let environments = fields.get("environments").and_then(|node| environments(walk, node));
    let placement = placement(walk, &fields);
    let enabled = fields.get("enabled").map_or(Some(true), |node| walk.boolean(node));
    let timeout = timeout(walk, &fields, every);
    let retry = match fields.get("retry") {
        Some(node) => retry(walk, node, timeout),
        None => Some(default_retry(timeout)),
    };
    let target = fields
        .entry("target")
        .and_then(|(key, node)| target::target(walk, node, &key.at, environments.as_deref()));
    let objectives = match fields.get("objectives") {
        Some(node) => objectives(walk, node, timeout),
        None => Some(Objectives::default()),
    };
    let objective = fields.get("objective").map(|node| objective(walk, node));
    let conversation =
        fields.get("conversation").and_then(|node| conversation::turns(walk, node, timeout));
    let scrape = fields.get("scrape").map_or(Some(Vec::new()), |node| scrape::scrapes(walk, node));
    let alarm = match fields.get("alarm") {
        Some(node) => alarm(walk, node, every, placement.as_ref()),
        None => Some(AlarmRule::default()),
    };
    let maintenance =
        fields.get("maintenance").map_or(Some(Vec::new()), |node| maintenance::windows(walk, node));
    let public =
        fields.get("public").map_or(Some(Disclosure::default()), |node| public(walk, node));
    let labels = fields.get("labels").map_or(Some(BTreeMap::new()), |node| labels(walk, node));
    let runbook = fields.get("runbook").map(|node| page(walk, node));
    let most = fields.get("max_runs_per_day").map(|node| walk.integer(node, 1..=u32::MAX));
    if let (Some(every), Some(retry)) = (every, retry) {
        if let (Some(Some(most)), Some(node)) = (most, fields.get("max_runs_per_day")) {
            let runs = RunsPerDay { every, retry, locations: placement.as_ref().map_or(1, named) };
            check_runs_per_day(walk, &node.at, most, runs);
        }
        if let (Some(timeout), Some((key, _))) = (timeout, fields.entry("retry")) {
            check_pauses(walk, &key.at, retry, timeout);
        }
    }
    Some(Probe {
        name: name?,
        every: every?,
        environments,
        enabled: enabled?,
        placement: placement?,
        timeout: timeout?,
        target: target?,
        retry: retry?,
        max_runs_per_day: most.flatten(),
        objectives: objectives?,
        objective: objective.flatten(),
        conversation: conversation?,
        scrape: scrape?,
        alarm: alarm?,
        maintenance: maintenance?,
        public: public?,
        labels: labels?,
        runbook: runbook.flatten(),
    })
}

fn name(walk: &mut Walk<'_>, node: &Node) -> Option<ProbeName> {
    let text = walk.text(node, "text such as `support-bot`")?;
    let name = text.parse().ok();
    if name.is_none() {
        let message = format!("`{text}` is not a name");
        let expected = format!(
            "expected 1 to {} of a-z, 0-9 and -, beginning and ending with a letter or digit",
            ProbeName::LONGEST
        );
        walk.note(Diagnostic::new(&node.at, message, expected));
    }
    name
}

fn interval(walk: &mut Walk<'_>, node: &Node) -> Option<Duration> {
    let every = walk.duration(node)?;
    if is_interval(every) {
        return Some(every);
    }
    let message = format!("a probe can't run every `{}`", walk.at(&node.at));
    let expected = "expected `10s`, `20s`, `30s`, or whole minutes up to `1d`";
    let mistake = Diagnostic::new(&node.at, message, expected);
    walk.note(mistake.hint("these are the periods that an alarm can have"));
    None
}

fn environments(walk: &mut Walk<'_>, node: &Node) -> Option<Vec<EnvironmentName>> {
    let expected = "a list of environments such as `[staging, prod]`";
    let items = walk.items(node, expected)?;
    if items.is_empty() {
        let mistake =
            Diagnostic::new(&node.at, "`environments` is empty", format!("expected {expected}"));
        walk.note(mistake.hint("to switch a probe off write `enabled: false`"));
        return None;
    }
    let mut names: Vec<EnvironmentName> = Vec::with_capacity(items.len());
    for item in items {
        let Some(text) = walk.text(item, "text such as `staging`") else { continue };
        let Some(name) = environment(walk, &item.at, text) else { continue };
        if names.contains(&name) {
            let message = format!("`{name}` is listed twice");
            walk.note(Diagnostic::new(&item.at, message, "expected each environment once"));
        } else {
            names.push(name);
        }
    }
    Some(names)
}

fn public(walk: &mut Walk<'_>, node: &Node) -> Option<Disclosure> {
    let words = Disclosure::WORDS.map(|word| format!("`{word}`")).join(", ");
    let expected = format!("a list of {words}");
    let mut public = Disclosure::default();
    for item in walk.items(node, &expected)? {
        let word = walk.text(item, "text such as `reasons`")?;
        if !public.allow(word) {
            let message = format!("`{word}` is not a part of a probe");
            walk.note(Diagnostic::new(&item.at, message, format!("expected {expected}")));
            return None;
        }
    }
    Some(public)
}

fn timeout(walk: &mut Walk<'_>, fields: &Fields<'_>, every: Option<Duration>) -> Option<Duration> {
    let Some(node) = fields.get("timeout") else { return every.map(default_timeout) };
    let timeout = walk.duration(node)?;
    // Its longest value depends on the interval.
    let longest = longest_timeout(every?);
    if (Duration::from_secs(1)..=longest).contains(&timeout) {
        return Some(timeout);
    }
    let given = walk.at(&node.at);
    let (message, hint) = if timeout < longest {
        (format!("a timeout of `{given}` is too short"), None)
    } else if longest < Duration::from_secs(600) {
        let message = format!(
            "a timeout of `{given}` is too long for a probe that runs every `{}`",
            written(every?)
        );
        (message, Some("runs of one probe never overlap: a run must end 5 s before the next one"))
    } else {
        let message = format!("a timeout of `{given}` is too long");
        (message, Some("a run must end well before the limit of a Lambda, 15 minutes"))
    };
    let expected = format!("expected `1s` to `{}`", written(longest));
    let mistake = Diagnostic::new(&node.at, message, expected);
    walk.note(match hint {
        Some(hint) => mistake.hint(hint),
        None => mistake,
    });
    None
}

fn objective(walk: &mut Walk<'_>, node: &Node) -> Option<AvailabilityObjective> {
    let expected = "a percentage of more than 0 and less than 100, such as `99.5`";
    AvailabilityObjective::from_percent(walk.number(node, expected)?).or_else(|| {
        walk.out_of_range(node, expected);
        None
    })
}

/// For a timeout that is not valid any default will do: the file is rejected.
fn default_retry(timeout: Option<Duration>) -> Retry {
    Retry::within(timeout.unwrap_or_default())
}

fn retry(walk: &mut Walk<'_>, node: &Node, timeout: Option<Duration>) -> Option<Retry> {
    let fields = walk.fields(node, &RETRY, &node.place())?;
    let default = default_retry(timeout);
    let attempts = fields
        .get("attempts")
        .map_or(Some(default.attempts), |node| walk.integer(node, 0..=MOST_ATTEMPTS));
    let wait = match fields.get("wait") {
        Some(node) => walk.duration(node),
        // More attempts share the time.
        None => attempts.map(|attempts| default.wait / attempts.max(1)),
    };
    Some(Retry { attempts: attempts?, wait: wait? })
}

fn check_pauses(walk: &mut Walk<'_>, at: &Place, retry: Retry, timeout: Duration) {
    let pauses = retry.wait * retry.attempts;
    if pauses >= timeout {
        let message = format!("the pauses between attempts take `{}`", written(pauses));
        let expected = format!("expected less than the timeout, `{}`", written(timeout));
        walk.note(Diagnostic::new(at, message, expected));
    }
}

/// What decides how many attempts a probe makes.
#[derive(Clone, Copy)]
struct RunsPerDay {
    every: Duration,
    retry: Retry,
    /// Number of named locations; 1 if none is named.
    locations: u64,
}

impl RunsPerDay {
    /// The most attempts in a day.
    fn attempts(self) -> u64 {
        let runs = 86_400_u64.div_ceil(self.every.as_secs().max(1));
        runs * (1 + u64::from(self.retry.attempts)) * self.locations
    }
}

fn named(placement: &Placement) -> u64 {
    let named = placement.locations.as_ref().map_or(1, Vec::len);
    u64::try_from(named).unwrap_or(u64::MAX)
}

/// Checks that `every`, `retry` and `locations` keep within `max_runs_per_day`.
fn check_runs_per_day(walk: &mut Walk<'_>, at: &Place, most: u32, runs: RunsPerDay) {
    let (every, attempts) = (runs.every, runs.attempts());
    if attempts <= u64::from(most) {
        return;
    }
    let at_locations = match runs.locations {
        1 => String::new(),
        several => format!(" at {several} locations"),
    };
    let message =
        format!("every `{}` makes up to {attempts} attempts a day{at_locations}", written(every));
    let expected = format!("expected at most {most}, retries included");
    let minutes = (1..=1_440).map(|minutes| Duration::from_secs(60 * minutes));
    let mut intervals = [10, 20, 30].map(Duration::from_secs).into_iter().chain(minutes);
    let fits =
        intervals.find(|every| RunsPerDay { every: *every, ..runs }.attempts() <= u64::from(most));
    let hint = match fits {
        Some(fits) => format!("`every: {}` is within the limit", written(fits)),
        None => "with so many retries no interval is within the limit".to_owned(),
    };
    walk.note(Diagnostic::new(at, message, expected).hint(hint));
}

fn alarm(
    walk: &mut Walk<'_>,
    node: &Node,
    every: Option<Duration>,
    placement: Option<&Placement>,
) -> Option<AlarmRule> {
    let fields = walk.fields(node, &ALARM, &node.place())?;
    let default = AlarmRule::default();
    let down = fields.get("down").map_or(Some(default.down), |node| m_of_n(walk, node, every));
    let degraded =
        fields.get("degraded").map_or(Some(default.degraded), |node| m_of_n(walk, node, every));
    let severity = fields.get("severity").map_or(Some(default.severity), |node| {
        let severity = match walk.text(node, "`page` or `ticket`")? {
            "page" => Some(Severity::Page),
            "ticket" => Some(Severity::Ticket),
            _ => None,
        };
        if severity.is_none() {
            let message = format!("`{}` is not a severity", walk.at(&node.at));
            walk.note(Diagnostic::new(&node.at, message, "expected `page` or `ticket`"));
        }
        severity
    });
    let locations = match fields.get("locations") {
        Some(node) => votes(walk, node, placement).map(Some),
        None => Some(None),
    };
    Some(AlarmRule { down: down?, degraded: degraded?, severity: severity?, locations: locations? })
}

/// How many locations must agree.
fn votes(walk: &mut Walk<'_>, node: &Node, placement: Option<&Placement>) -> Option<u32> {
    let most = u32::try_from(MOST_LOCATIONS).unwrap_or(u32::MAX);
    let votes = walk.integer(node, 1..=most)?;
    let named = placement.and_then(|placement| placement.locations.as_ref()).map(Vec::len);
    let named = named.and_then(|count| u32::try_from(count).ok());
    match named.filter(|count| *count < votes) {
        None => Some(votes),
        Some(count) => {
            let message = format!("`{votes}` locations can't agree");
            let expected = format!("expected at most {count}, the number of `locations`");
            walk.note(Diagnostic::new(&node.at, message, expected));
            None
        }
    }
}

fn m_of_n(walk: &mut Walk<'_>, node: &Node, every: Option<Duration>) -> Option<MOfN> {
    let text = walk.text(node, "text such as `2 of 3`")?;
    let Ok(rule) = text.parse::<MOfN>() else {
        let message = format!("`{text}` is not an alarm rule");
        let expected = "expected so many of the last so many runs, such as `2 of 3`";
        walk.note(Diagnostic::new(&node.at, message, expected));
        return None;
    };
    // CloudWatch evaluates at most a day, or a week for periods of an hour and more (PutMetricAlarm).
    let every = every?;
    let day = Duration::from_secs(86_400);
    let longest = if every < Duration::from_secs(3_600) { day } else { day * 7 };
    let most = longest.as_secs() / every.as_secs().max(1);
    if u64::from(rule.n()) <= most {
        return Some(rule);
    }
    let message = format!("`{text}` looks back further than an alarm can");
    let expected = format!(
        "expected at most the last {most} runs of a probe that runs every `{}`",
        written(every)
    );
    walk.note(Diagnostic::new(&node.at, message, expected));
    None
}

fn labels(walk: &mut Walk<'_>, node: &Node) -> Option<BTreeMap<String, String>> {
    let entries = walk.entries(node, "labels such as `{ team: chat }`")?;
    if entries.len() > MOST_LABELS {
        let message = format!("{} labels are too many", entries.len());
        walk.note(Diagnostic::new(
            &node.place(),
            message,
            format!("expected at most {MOST_LABELS}"),
        ));
    }
    let mut labels = BTreeMap::new();
    for (key, value) in entries {
        let name = key.text.as_str();
        if RESERVED_LABELS.contains(&name) {
            let message = format!("`{name}` is a label that Vigie sets");
            walk.note(Diagnostic::new(&key.at, message, "expected another name"));
        } else if !label::is_name(name) {
            let message = format!("`{name}` is not the name of a label");
            walk.note(Diagnostic::new(&key.at, message, label::NAME));
        }
        if let Some(value) = label_value(walk, value) {
            labels.insert(key.text.clone(), value.to_owned());
        }
    }
    Some(labels)
}

fn page(walk: &mut Walk<'_>, node: &Node) -> Option<String> {
    let url = walk.plain(node, "text such as `https://wiki.example.com/bot`")?;
    let good = is_url(url);
    if !good {
        let message = format!("`{url}` is not the address of a page");
        walk.note(Diagnostic::new(&node.at, message, "expected `https://…` or `http://…`"));
    }
    good.then(|| url.to_owned())
}
