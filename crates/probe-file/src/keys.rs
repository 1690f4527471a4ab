//! Every key of a probe file: its name, its meaning and its JSON Schema.
//!
//! The reader and the schema use the same table, so that they know the same keys. A derived schema
//! (`schemars`) has no hints for misspelt keys and no message for each place.

use domain::Disclosure;
use domain::location::MOST_LOCATIONS;
mod check;
mod table;

use serde_json::{Value, json};

use crate::label;
use crate::units::PATTERN;

pub(crate) use check::{CHECK, CHECK_OPTIONS, JSON, MOST_CHECKS, SIMILAR, TOOL, check};
pub(crate) use table::Keys;
use table::{
    boolean, duration, environment, m_of_n, needed, one_of, optional, per_environment, some_text,
    text,
};

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
                "propertyNames": { "pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$", "not": { "enum": OUR_LABELS } },
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

pub(crate) const TARGET: Keys = Keys {
    place: "`target`",
    list: &[
        needed(
            "url",
            "Address of the app; one text, or one for each environment. ${UPPER_CASE} is an environment variable.",
            || per_environment(&json!({ "type": "string", "pattern": "^(https?://|\\$\\{)" })),
        ),
        optional(
            "auth",
            "Credentials: username and password for Gradio's log-in page, a bearer token, request headers, or several of them; or one such mapping for each environment.",
            || per_environment(&auth()),
        ),
        optional(
            "endpoint",
            "The endpoint to use, by api_name or number. Detected if left out.",
            || per_environment(&json!({ "type": ["string", "integer"] })),
        ),
        optional("message", "The message box, by its label. Detected if left out.", || {
            per_environment(&some_text())
        }),
        optional(
            "reply",
            "The output with the reply, by its label, or a list of outputs, each of which must pass the checks. Detected if left out.",
            || {
                per_environment(&json!({ "anyOf": [
                    some_text(),
                    { "type": "array", "items": some_text(), "minItems": 1, "maxItems": MOST_REPLIES },
                ]}))
            },
        ),
        optional(
            "page",
            "A page of a multi-page app, such as /chat. `false`: the page that users open is not checked, for apps that are used by their API only.",
            || {
                per_environment(
                    &json!({ "anyOf": [{ "const": false }, { "type": "string", "pattern": "^/" }] }),
                )
            },
        ),
        optional(
            "query",
            "Parameters added to the query of the address, by name; each may be a map by environment.",
            || json!({ "type": "object", "additionalProperties": per_environment(&text()) }),
        ),
        optional(
            "ca_file",
            "A PEM file of certificate authorities to trust in addition to the system's, such as /opt/probes/ca.pem.",
            || per_environment(&some_text()),
        ),
        optional(
            "client_certificate",
            "A certificate and its key for servers that require mutual TLS, in PEM format.",
            || per_environment(&CLIENT_CERTIFICATE.schema()),
        ),
        optional("limits", "Size limits of what the app sends.", || LIMITS.schema()),
        optional(
            "inputs",
            "Further inputs of the app, by parameter name or label; each may be a map by environment.",
            || json!({ "type": "object" }),
        ),
    ],
};

pub(crate) const CLIENT_CERTIFICATE: Keys = Keys {
    place: "`client_certificate`",
    list: &[
        needed(
            "certificate",
            "The certificate chain, such as ${secret:ID#certificate}.",
            some_text,
        ),
        needed("key", "The private key, such as ${secret:ID#key}.", some_text),
    ],
};

pub(crate) const LIMITS: Keys = Keys {
    place: "`limits`",
    list: &[
        optional("event_bytes", "One event of a stream. Default: 8388608.", byte_limit),
        optional(
            "output_bytes",
            "All outputs of one function together. Default: 8388608.",
            byte_limit,
        ),
        optional("reply_characters", "One reply. Default: 1048576.", byte_limit),
    ],
};

pub(crate) const AUTH: Keys = Keys {
    place: "`auth`",
    list: &[
        optional("username", "User name for Gradio's log-in page.", text),
        optional(
            "password",
            "Password for Gradio's log-in page, best as ${secret:ID#key} or ${ssm:/path}.",
            text,
        ),
        optional(
            "bearer",
            "Token sent as `Authorization: Bearer`; also for a private Hugging Face Space.",
            text,
        ),
        optional(
            "headers",
            "Request headers, by name.",
            || json!({ "type": "object", "minProperties": 1, "additionalProperties": text() }),
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

pub(crate) const OBJECTIVES: Keys = Keys {
    place: "`objectives`",
    list: &[
        optional("first_chunk", "Prompt sent to first chunk of the reply.", duration),
        optional("reply", "Prompt sent to end of the reply.", duration),
        optional("inter_chunk", "Longest gap between two chunks.", duration),
        optional(
            "characters_per_second",
            "Lowest speed of the reply, from its first text to its end.",
            || json!({ "type": "integer", "minimum": 1, "maximum": 1_000_000 }),
        ),
    ],
};

pub(crate) const TURN: Keys = Keys {
    place: "a turn",
    list: &[
        needed(
            "say",
            "The prompt. ${nonce} is a new word in each run, so that no cache can answer; ${name} is a part that an earlier turn saved.",
            || json!({ "type": "string", "minLength": 1 }),
        ),
        optional(
            "files",
            "Files that are uploaded and sent with the prompt, for a message box that accepts files. At most 16 KiB in a conversation.",
            || json!({ "type": "array", "items": file(), "maxItems": MOST_FILES }),
        ),
        optional(
            "expect",
            "Checks on the reply. Every check must pass.",
            || json!({ "type": "array", "items": check() }),
        ),
        optional("objectives", "Overrides the probe's objectives for this turn.", || {
            OBJECTIVES.schema()
        }),
        optional(
            "save",
            "Parts of the reply to keep for later turns: name to regex. Group 1 of it, or the whole match. A regex without a match fails the turn.",
            || {
                json!({
                    "type": "object",
                    "propertyNames": { "pattern": "^[a-z][a-z0-9_]*$", "not": { "enum": ["nonce", "environment"] } },
                    "additionalProperties": { "type": "string", "minLength": 1 },
                })
            },
        ),
    ],
};

pub(crate) const FILE: Keys = Keys {
    place: "a file",
    list: &[
        needed(
            "name",
            "Name of the file. Its ending says what it is, such as `.png`.",
            || json!({ "type": "string", "minLength": 1, "maxLength": 100 }),
        ),
        optional("text", "The content as text, with the variables of the prompt.", text),
        optional("base64", "The content in Base64, as `base64 -w0 FILE` writes it.", some_text),
    ],
};

fn scrapes() -> Value {
    json!({ "anyOf": [
        SCRAPE.schema(),
        { "type": "array", "minItems": 1, "items": SCRAPE.schema() },
    ] })
}

fn path() -> Value {
    json!({ "type": "string", "pattern": "^/" })
}

fn job() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": label::LONGEST })
}

fn limit() -> Value {
    json!({ "type": "integer", "minimum": 1 })
}

pub(crate) const SCRAPE: Keys = Keys {
    place: "`scrape`",
    list: &[
        optional("path", "Another name of `metrics_path`.", path),
        optional("metrics_path", "Path on the target's host. Default: /metrics.", path),
        optional("job", "Another name of `job_name`.", job),
        optional("job_name", "The label `job` of the series. Default: gradio_chatbot.", job),
        optional("every", "Another name of `scrape_interval`.", duration),
        optional("scrape_interval", "A multiple of 5s up to 1h. Default: 15s.", duration),
        optional(
            "scrape_timeout",
            "At most the interval. Default: the interval, at most 10s.",
            duration,
        ),
        optional(
            "params",
            "Parameters of the URL, each with a list of values.",
            || json!({ "type": "object", "additionalProperties": { "type": "array", "items": text() } }),
        ),
        optional(
            "honor_labels",
            "Labels of the app replace `job`, `instance` and the like. Default: false.",
            boolean,
        ),
        optional("honor_timestamps", "Use timestamps of the app. Default: true.", boolean),
        optional(
            "bounds_as_written",
            "Keep `le` and `quantile` as the app writes them, as Prometheus 2 does. Default: false.",
            boolean,
        ),
        optional(
            "fallback_scrape_protocol",
            "The format of a page without a known content type. Without it such a page fails, as in Prometheus 3.",
            || json!({ "type": "string", "enum": FALLBACKS }),
        ),
        optional(
            "scrape_native_histograms",
            "Request the protobuf format first, and read its native histograms. Default: false.",
            boolean,
        ),
        optional(
            "always_scrape_classic_histograms",
            "Read the classic buckets of a native histogram too. Default: false.",
            boolean,
        ),
        optional(
            "body_size_limit",
            "Bytes of a page. Default: what the prober's memory allows.",
            limit,
        ),
        optional(
            "sample_limit",
            "Samples of a page. A page over this or the following limits fails.",
            limit,
        ),
        optional("label_limit", "Labels of a series.", limit),
        optional("label_name_length_limit", "Bytes of a label name.", limit),
        optional("label_value_length_limit", "Bytes of a label value.", limit),
        optional(
            "metric_relabel_configs",
            "Rules that change or drop series, as in Prometheus.",
            || json!({ "type": "array", "items": { "type": "object" } }),
        ),
        optional(
            "basic_auth",
            "User name and password of the metrics page. Default: the `auth` of the target.",
            || BASIC_AUTH.schema(),
        ),
        optional(
            "authorization",
            "Credentials in the header `Authorization`. Default: the `auth` of the target.",
            || AUTHORIZATION.schema(),
        ),
        optional(
            "tls_config",
            "Certificates of the metrics page. Default: `ca_file` and `client_certificate` of the target.",
            || TLS_CONFIG.schema(),
        ),
    ],
};

pub(crate) const BASIC_AUTH: Keys = Keys {
    place: "`basic_auth`",
    list: &[
        needed("username", "User name.", text),
        optional("password", "Password, best as ${secret:ID#key} or ${ssm:/path}.", text),
    ],
};

pub(crate) const AUTHORIZATION: Keys = Keys {
    place: "`authorization`",
    list: &[
        optional("type", "The scheme. Default: Bearer.", some_text),
        needed("credentials", "The token, best as ${secret:ID#key} or ${ssm:/path}.", some_text),
    ],
};

pub(crate) const TLS_CONFIG: Keys = Keys {
    place: "`tls_config`",
    list: &[
        optional(
            "ca",
            "The only trusted certificate authorities, in PEM format. Default: those of the system.",
            some_text,
        ),
        optional("ca_file", "The same, from a file such as /opt/probes/ca.pem.", some_text),
        optional("cert", "The client certificate, in PEM format.", some_text),
        optional("key", "Its private key, such as ${secret:ID#key}.", some_text),
        optional(
            "server_name",
            "The name that the certificate of the page must have, instead of the host of the URL.",
            some_text,
        ),
        optional("insecure_skip_verify", "Accept any certificate. Default: false.", boolean),
    ],
};

/// The values of `fallback_scrape_protocol`, as in Prometheus.
pub(crate) const FALLBACKS: [&str; 4] =
    ["PrometheusText0.0.4", "PrometheusText1.0.0", "OpenMetricsText0.0.1", "OpenMetricsText1.0.0"];

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
pub(crate) const MOST_FILES: usize = 4;
/// Most bytes of the files of a conversation. A run request holds them, and ten of them have to fit into one
/// message of 256 KiB.
pub(crate) const MOST_FILE_BYTES: usize = 16 * 1024;
pub(crate) const MOST_REPLIES: usize = 8;
pub(crate) const MOST_ATTEMPTS: u32 = 5;
pub(crate) const MOST_LABELS: usize = 10;
pub(crate) const MOST_WINDOWS: usize = 10;
/// Largest value of a size limit: 64 MiB, the memory that a run may use.
pub(crate) const MOST_BYTES: u32 = 64 * 1024 * 1024;
/// Longest text to compare with by `similar_to`.
pub(crate) const LONGEST_SIMILAR: usize = 4_096;

/// Labels that the series of Vigie have.
pub(crate) const OUR_LABELS: &[&str] =
    &["job", "instance", "probe", "environment", "location", "phase", "turn", "quantile", "reason"];

fn location() -> Value {
    json!({ "type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?$" })
}

fn byte_limit() -> Value {
    json!({ "type": "integer", "minimum": 1_024, "maximum": MOST_BYTES })
}

fn auth() -> Value {
    let mut schema = AUTH.schema();
    schema["minProperties"] = 1.into();
    schema["dependentRequired"] = json!({ "username": ["password"], "password": ["username"] });
    schema
}

fn file() -> Value {
    let mut schema = FILE.schema();
    schema["oneOf"] = one_of(&["text", "base64"]);
    schema
}
