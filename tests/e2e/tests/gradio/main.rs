//! Conversations with real Gradio servers of many versions, in every shape of an app.
//!
//! ```text
//! cargo test -p e2e --test gradio -- latest::             # the last release of each major version
//! cargo test -p e2e --test gradio -- 4.44.1::busy         # one app
//! ```
//!
//! They are held by the crate `gradio` and by the `vigie` command, which describes the app, writes and runs
//! a starter probe, and runs a probe with every check.

mod apps;
mod checks;
mod conversations;
mod discovery;
mod example_metrics;
mod fleet;
mod shape;
mod version;
mod vigie;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use apps::Apps;
use shape::Shape;
use version::{EARLIER, LATEST, NOT_SUPPORTED, Version};

/// Each waits for a server most of the time. Two scenarios of one app never run at once.
const THREADS: usize = 12;
/// Versions whose servers run at the same time.
const VERSIONS_AT_ONCE: usize = 4;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    let trials = trials().into_iter().filter(|trial| !arguments.is_filtered_out(trial));
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// All scenarios of all versions, ordered so that concurrent ones use different apps.
fn trials() -> Vec<Trial> {
    let latest = LATEST.map(|version| ("latest", version));
    let earlier = EARLIER.into_iter().chain([NOT_SUPPORTED]).map(|version| ("earlier", version));
    let versions: Vec<(&str, Version)> = latest.into_iter().chain(earlier).collect();
    let mut trials = vec![Trial::test("latest::metrics_example_is_scraped", || {
        apps::run(example_metrics::run())
    })];
    for versions in versions.chunks(VERSIONS_AT_ONCE) {
        let mut batch: Vec<(usize, Trial)> =
            versions.iter().flat_map(|(group, version)| of_version(group, *version)).collect();
        batch.sort_by_key(|(step, _)| *step);
        trials.extend(batch.into_iter().map(|(_, trial)| trial));
    }
    trials
}

/// The servers of a version end with its last trial.
fn of_version(group: &str, version: Version) -> Vec<(usize, Trial)> {
    let apps = Apps::of(version);
    let of_shape = |shape: Shape| {
        let apps = apps.clone();
        scenarios(version, shape).into_iter().enumerate().map(move |(step, (name, scenario))| {
            let name = format!("{group}::{}::{}::{name}", version.number, shape.word());
            let apps = apps.clone();
            (step, Trial::test(name, move || apps::run(apps.scenario(shape, scenario))))
        })
    };
    Shape::of(&version).flat_map(of_shape).collect()
}

fn scenarios(version: Version, shape: Shape) -> Vec<(&'static str, apps::Scenario)> {
    if version.number == NOT_SUPPORTED.number {
        return vec![("is_refused_by_its_version", |bot| Box::pin(discovery::not_spoken(bot)))];
    }
    let mut all: Vec<(&'static str, apps::Scenario)> = Vec::new();
    if shape == Shape::Login {
        all.push(("wrong_password_is_refused", |bot| Box::pin(conversations::refused(bot))));
    }
    if shape.remembers() {
        all.push(("memory_is_kept_within_a_conversation_only", |bot| {
            Box::pin(conversations::memory(bot))
        }));
    }
    all.extend::<Vec<(&'static str, apps::Scenario)>>(match shape {
        Shape::Stream => vec![
            ("app_error_fails_its_turn_only", |bot| Box::pin(conversations::errors(bot))),
            ("app_error_is_down_with_its_text", |bot| Box::pin(checks::app_error(bot))),
            ("all_checks_pass", |bot| Box::pin(checks::passing(bot))),
            ("all_checks_fail_with_what_was_found", |bot| Box::pin(checks::failing(bot))),
        ],
        Shape::Chain => {
            vec![("app_error_fails_its_turn_only", |bot| Box::pin(conversations::errors(bot)))]
        }
        Shape::Plain => vec![("every_turn_is_answered", |bot| Box::pin(conversations::turns(bot)))],
        Shape::Inputs => {
            vec![("inputs_are_set_by_label_or_name", |bot| Box::pin(conversations::inputs(bot)))]
        }
        Shape::Busy => vec![
            ("full_queue_is_a_failure", |bot| Box::pin(conversations::full_queue(bot))),
            ("full_queue_is_down_with_its_reason", |bot| Box::pin(checks::full_queue(bot))),
        ],
        _ => Vec::new(),
    });
    let found: [(&'static str, apps::Scenario); 3] = [
        ("discovery_is_printed_as_text", |bot| Box::pin(discovery::as_text(bot))),
        ("discovery_is_printed_as_json", |bot| Box::pin(discovery::as_json(bot))),
        ("starter_probe_is_up", |bot| Box::pin(discovery::starter(bot))),
    ];
    all.extend(found);
    all
}
