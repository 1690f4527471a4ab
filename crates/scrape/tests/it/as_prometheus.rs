//! Each script results in the samples that a real Prometheus sent.

use std::time::Duration;

use http::StatusCode;
use samples::Timestamp;
use scrape::{FetchError, Labels, Limits, Memory, Page};

use crate::otherwise::OTHERWISE;
use crate::script::{Expected, Step, Stored, fixtures, scripts, write_down};

const INSTANCE: &str = "target:80";
const BASE_MS: i64 = 1_800_000_000_000;

/// Scrapes are a minute apart, between the timestamps in the pages.
fn scrape_time(step: usize) -> Timestamp {
    Timestamp::from_millis(BASE_MS + 20_000 + 60_000 * i64::try_from(step).unwrap())
}

fn play(name: &str, steps: &[Step], forgetful: bool) -> Stored {
    // The recorded results are of Prometheus 2.42.
    let labels = Labels::new(name, INSTANCE, []).with_bounds_as_written();
    let mut memory = Memory::new();
    let mut stored = Stored::default();
    for (index, step) in steps.iter().enumerate() {
        let page = match step.fill(BASE_MS) {
            Step::Page { format, body } => Ok(Page::new(format, body)),
            Step::Status(status) => {
                Err(FetchError::Status { status: StatusCode::from_u16(status).unwrap() })
            }
        };
        if forgetful {
            memory = Memory::from_bytes(&memory.to_bytes()).unwrap();
        }
        let at = scrape_time(index);
        let took = || Duration::from_millis(5);
        let scrape = memory.absorb(&labels, &Limits::default(), page, at, took);
        let mut samples = Vec::new();
        for entry in scrape.entries {
            let sample = entry.sample().unwrap();
            let text = write_down(entry.series.labels(), sample.value, (name, INSTANCE));
            if sample.at == at {
                samples.push(text);
            } else {
                let offset = sample.at.as_millis() - BASE_MS;
                stored.own_times.push(format!("{text} @{offset:+}"));
            }
        }
        samples.sort();
        stored.scrapes.push(samples);
    }
    stored.own_times.sort();
    stored
}

fn expected() -> Expected {
    let text = std::fs::read_to_string(fixtures().join("prometheus.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn scripts_give_what_prometheus_sent() {
    let expected = expected().scripts;
    let mut wrong = Vec::new();
    for (name, steps) in scripts() {
        let found = differences(&play(&name, &steps, false), &expected[&name]);
        let decided = OTHERWISE.iter().find(|(script, ..)| *script == name);
        if found != decided.map_or(&[] as &[&str], |(_, _, differences)| differences) {
            wrong.push(format!("{name}: {found:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn memory_stored_as_bytes_gives_the_same() {
    for (name, steps) in scripts() {
        let (kept, forgetful) = (play(&name, &steps, false), play(&name, &steps, true));
        let differences = differences(&forgetful, &kept);
        // Not stored: timestamps of samples, so that an equal sample is sent again, and how a series was
        // written, so that another form is not a new series.
        let known = |line: &String| line.contains('@') || line.contains("scrape_series_added");
        assert!(differences.iter().all(known), "{name}: {differences:#?}");
    }
}

/// Samples that only Vigie (`+`) or only Prometheus (`-`) sends, with the number of the scrape.
fn differences(vigie: &Stored, prometheus: &Stored) -> Vec<String> {
    assert_eq!(vigie.scrapes.len(), prometheus.scrapes.len());
    let mut found = Vec::new();
    for (index, (vigie, prometheus)) in vigie.scrapes.iter().zip(&prometheus.scrapes).enumerate() {
        compare(&index.to_string(), vigie.clone(), prometheus, &mut found);
    }
    // The agent never sends samples that are older than its start.
    let mut own_times = vigie.own_times.clone();
    own_times.retain(|sample| !sample.contains("@-"));
    compare("own", own_times, &prometheus.own_times, &mut found);
    found
}

fn compare(place: &str, mut vigie: Vec<String>, prometheus: &[String], found: &mut Vec<String>) {
    for sample in prometheus {
        match vigie.iter().position(|each| each == sample) {
            Some(index) => drop(vigie.remove(index)),
            None => found.push(format!("{place} -{sample}")),
        }
    }
    found.extend(vigie.into_iter().map(|sample| format!("{place} +{sample}")));
}
