//! The key `maintenance`: recurring windows in which the alarms do not notify.

use std::time::Duration;

use domain::{Cron, Maintenance, TimeZoneName};

use crate::diagnostic::Diagnostic;
use crate::keys::{MAINTENANCE, MOST_WINDOWS};
use crate::node::Node;
use crate::walk::Walk;

pub(crate) fn windows(walk: &mut Walk<'_>, node: &Node) -> Option<Vec<Maintenance>> {
    let expected = "a list of windows such as `[ { cron: \"0 2 ? * SUN *\", for: 1h } ]`";
    let items = walk.items(node, expected)?;
    if items.len() > MOST_WINDOWS {
        let message = format!("{} windows are too many", items.len());
        let most = format!("expected at most {MOST_WINDOWS}");
        walk.note(Diagnostic::new(&node.place(), message, most));
    }
    let windows: Vec<_> = items.iter().map(|item| window(walk, item)).collect();
    windows.into_iter().collect()
}

fn window(walk: &mut Walk<'_>, node: &Node) -> Option<Maintenance> {
    let fields = walk.fields(node, &MAINTENANCE, &node.place())?;
    let cron = fields.get("cron").and_then(|node| cron(walk, node));
    let length = fields.get("for").and_then(|node| length(walk, node));
    let zone =
        fields.get("time_zone").map_or(Some(TimeZoneName::UTC), |node| time_zone(walk, node));
    let window = Maintenance { cron: cron?, length: length?, time_zone: zone? };
    if window.never_ends() {
        let message = "the window starts again before it ends";
        let expected = "expected a time without maintenance";
        let hint = "the alarms would never notify; `enabled: false` switches a probe off";
        walk.note(Diagnostic::new(&node.place(), message, expected).hint(hint));
        return None;
    }
    Some(window)
}

fn cron(walk: &mut Walk<'_>, node: &Node) -> Option<Cron> {
    let text = walk.text(node, "text such as `0 2 ? * SUN *`")?;
    match text.parse() {
        Ok(cron) => Some(cron),
        Err(error) => {
            note(walk, node, &error);
            None
        }
    }
}

fn time_zone(walk: &mut Walk<'_>, node: &Node) -> Option<TimeZoneName> {
    let text = walk.text(node, "text such as `Europe/Paris`")?;
    match text.parse() {
        Ok(zone) => Some(zone),
        Err(error) => {
            note(walk, node, &error);
            None
        }
    }
}

/// The error says what was found and, after a semicolon, what is expected.
fn note(walk: &mut Walk<'_>, node: &Node, error: &dyn std::error::Error) {
    let text = error.to_string();
    let (message, expected) =
        text.split_once("; ").unwrap_or((text.as_str(), "expected another value"));
    walk.note(Diagnostic::new(&node.at, message, expected));
}

fn length(walk: &mut Walk<'_>, node: &Node) -> Option<Duration> {
    let length = walk.duration(node)?;
    let inside = (Maintenance::SHORTEST..=Maintenance::LONGEST).contains(&length);
    let good = inside && length.as_secs().is_multiple_of(60) && length.subsec_nanos() == 0;
    if !good {
        let message = format!("a window can't last `{}`", walk.at(&node.at));
        let mistake = Diagnostic::new(&node.at, message, "expected whole minutes, `1m` to `15d`");
        walk.note(mistake.hint("these are the lengths that a mute rule of CloudWatch can have"));
    }
    good.then_some(length)
}
