//! The keys of a scrape, with the names that Prometheus gives them.

use serde_json::{Value, json};

use super::table::{Keys, boolean, duration, needed, optional, some_text, text};
use crate::label;

pub(super) fn scrapes() -> Value {
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
