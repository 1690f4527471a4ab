//! Every key of a probe file: its name, its meaning and its JSON Schema.
//!
//! The reader and the schema use the same table, so that they know the same keys. A derived schema
//! (`schemars`) has no hints for misspelt keys and no message for each place.

mod check;
mod scrape;
mod table;
mod target;
mod turn;

use domain::Disclosure;
use domain::location::MOST_LOCATIONS;
use serde_json::{Value, json};

use crate::label;
use crate::units::PATTERN;

pub(crate) use check::{
    CHECK, CHECK_OPTIONS, JSON, LONGEST_SIMILAR, MOST_CHECKS, SIMILAR, TOOL, check,
};
pub(crate) use scrape::{AUTHORIZATION, BASIC_AUTH, FALLBACKS, SCRAPE, TLS_CONFIG};
pub(crate) use table::Keys;
pub(crate) use target::{AUTH, CLIENT_CERTIFICATE, LIMITS, MOST_BYTES, MOST_REPLIES, TARGET};
pub(crate) use turn::{FILE, MOST_FILE_BYTES, MOST_FILES, OBJECTIVES, TURN};

use scrape::scrapes;
use table::{boolean, duration, environment, m_of_n, needed, optional};

pub(crate) const PROBE: Keys = Keys {
    place: "a probe",
    list: &[
        needed(
            "probe",
            "Name of the probe; names its metrics, alarms and reports. a-z, 0-9 and -, at most 63 characters.",
            || json!({ "type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$" }),
        ),
        needed(
            "every",
            "Interval between two runs: 10s, 20s, 30s, or whole minutes up to 1d. It is also the period of the alarms.",
            || json!({ "type": "string", "pattern": "^([1-9][0-9]*0s|[1-9][0-9]*m|[1-9][0-9]?h|1d|[1-9][0-9]*0000ms)$", "examples": ["30s", "1m", "5m", "1h"] }),
        ),
        optional(
            "environments",
            "Environments in which the probe runs. Default: all.",
            || json!({ "type": "array", "items": environment(), "minItems": 1, "uniqueItems": true }),
        ),
        optional(
            "locations",
            "Locations at which the runs are executed: some of those in the parameter `Locations`. Default: all of them.",
            || json!({ "type": "array", "items": location(), "minItems": 1, "maxItems": MOST_LOCATIONS, "uniqueItems": true }),
        ),
        optional(
            "spread",
            "Whether the locations execute their runs one after another within `every` instead of at the same second. Default: false.",
            boolean,
        ),
        optional("enabled", "false: no runs and no alarms. Default: true.", boolean),
        optional(
            "timeout",
            "Longest time of a run, retries included: at most 5s less than `every`, and 10m. Default: half of `every`, at most 2m.",
            duration,
        ),
        needed("target", "The Gradio app, and how to reach it.", || TARGET.schema()),
        optional("retry", "Further attempts after a failed one.", || RETRY.schema()),
        optional(
            "max_runs_per_day",
            "The most attempts a day, for a paid model. `every` and `retry` are rejected if they could cause more. No run is skipped because of it.",
            || json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX }),
        ),
        optional(
            "objectives",
            "Objectives of every turn. A run that misses one is degraded.",
            || OBJECTIVES.schema(),
        ),
        optional(
            "objective",
            "Objective of availability over 30 days, in percent: more than 0 and less than 100, such as 99.5. It gives the probe an error budget.",
            || json!({ "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 100 }),
        ),
        needed(
            "conversation",
            "The turns: prompts and the checks of their replies.",
            || json!({ "type": "array", "items": TURN.schema(), "minItems": 1, "maxItems": MOST_TURNS }),
        ),
        optional(
            "scrape",
            "Metrics of the app itself that are forwarded to Prometheus; one mapping or a list.",
            scrapes,
        ),
        optional("alarm", "Rules of the alarms of this probe.", || ALARM.schema()),
        optional(
            "maintenance",
            "Recurring windows in which the alarms do not notify and runs do not count for availability.",
            || json!({ "type": "array", "items": MAINTENANCE.schema(), "maxItems": MOST_WINDOWS }),
        ),
        optional(
            "public",
            "What a public status page shows of this probe in addition to state, availability and latency: why runs failed, the address of the app, prompts and replies. Default: nothing.",
            || json!({ "type": "array", "items": { "enum": Disclosure::WORDS }, "uniqueItems": true }),
        ),
        optional("labels", "Labels for Prometheus and for routing alarms.", || {
            json!({
                "type": "object",
                "maxProperties": MOST_LABELS,
                "propertyNames": { "pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$", "not": { "enum": RESERVED_LABELS } },
                "additionalProperties": { "type": "string", "minLength": 1, "maxLength": label::LONGEST },
            })
        }),
        optional(
            "runbook",
            "Page shown in every notification of this probe.",
            || json!({ "type": "string", "pattern": "^https?://" }),
        ),
    ],
};

pub(crate) const RETRY: Keys = Keys {
    place: "`retry`",
    list: &[
        optional(
            "attempts",
            "Further attempts after a failed one, 0 to 5. A run that passes only then is degraded. Default: 1.",
            || json!({ "type": "integer", "minimum": 0, "maximum": MOST_ATTEMPTS }),
        ),
        optional(
            "wait",
            "Pause before each of them. It is shorter if the timeout leaves too little time. Default: two thirds of `timeout`, at most 20s, divided by `attempts`.",
            duration,
        ),
    ],
};

pub(crate) const ALARM: Keys = Keys {
    place: "`alarm`",
    list: &[
        optional(
            "down",
            "The alarm `down` rises when M of the last N runs were down. Default: 2 of 3.",
            m_of_n,
        ),
        optional(
            "degraded",
            "The alarm `degraded` rises when M of the last N runs were degraded. Default: 3 of 5.",
            m_of_n,
        ),
        optional(
            "severity",
            "Severity of the alarm `down`: a page is for now, a ticket for working hours. Default: page.",
            || json!({ "type": "string", "enum": ["page", "ticket"] }),
        ),
        optional(
            "locations",
            "How many locations must agree that the app is down. Used only with several locations. Default: a majority.",
            || json!({ "type": "integer", "minimum": 1, "maximum": MOST_LOCATIONS }),
        ),
    ],
};

pub(crate) const MAINTENANCE: Keys = Keys {
    place: "`maintenance`",
    list: &[
        needed(
            "cron",
            "Start: minute, hour, day of the month, month, day of the week and year, such as `0 2 ? * SUN *`. Days of the week are names, and the year is `*` or left out. `L`, `W` and `#` are not supported.",
            || json!({ "type": "string", "pattern": "^\\S+( +\\S+){4,5}$", "examples": ["0 2 ? * SUN *"] }),
        ),
        needed(
            "for",
            "Length: whole minutes from 1m to 15d.",
            || json!({ "type": "string", "pattern": PATTERN, "examples": ["1h"] }),
        ),
        optional(
            "time_zone",
            "IANA name of the time zone of `cron`. Default: UTC.",
            || json!({ "type": "string", "minLength": 1, "examples": ["Europe/Paris"] }),
        ),
    ],
};

/// Every table, to find out where a misplaced key belongs.
pub(crate) const ALL: &[&Keys] = &[
    &PROBE,
    &TARGET,
    &AUTH,
    &CLIENT_CERTIFICATE,
    &LIMITS,
    &RETRY,
    &OBJECTIVES,
    &TURN,
    &FILE,
    &CHECK,
    &SIMILAR,
    &JSON,
    &TOOL,
    &SCRAPE,
    &BASIC_AUTH,
    &AUTHORIZATION,
    &TLS_CONFIG,
    &ALARM,
    &MAINTENANCE,
];

pub(crate) const MOST_TURNS: usize = 50;
pub(crate) const MOST_ATTEMPTS: u32 = 5;
pub(crate) const MOST_LABELS: usize = 10;
pub(crate) const MOST_WINDOWS: usize = 10;

/// Labels that the series of Vigie have.
pub(crate) const RESERVED_LABELS: &[&str] =
    &["job", "instance", "probe", "environment", "location", "phase", "turn", "quantile", "reason"];

fn location() -> Value {
    json!({ "type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?$" })
}
