//! Pages that are scraped with settings: limits, relabeling, `honor_labels` and the like. Also metadata and
//! exemplars whose families occur on one page only, and targets that hang.

use std::fmt::Write as _;

use super::set::{Answer, OPEN_METRICS};

/// Name, settings and answers.
type Page = (String, String, Vec<Answer>);

pub(crate) fn all() -> Vec<Page> {
    let mut pages = Vec::new();
    let mut add = |name: &str, settings: &str, answers: Vec<Answer>| {
        let settings = if settings.is_empty() { String::new() } else { format!(", {settings}") };
        pages.push((name.to_owned(), settings, answers));
    };
    for (name, settings, body) in TEXTS {
        let page = Answer::text(body);
        add(&format!("with-{name}"), settings, vec![page.clone(), Answer::text("other 1\n"), page]);
    }
    for (name, pages) in OPEN {
        let pages = pages.iter().map(|body| open(body)).collect();
        add(&format!("changing-{name}"), "", pages);
    }
    let page = Answer::text("a 1\n");
    let nothing = Answer::Raw(Vec::new());
    add("hung-second", "scrape_timeout: 1s", vec![page.clone(), nothing.clone(), page.clone()]);
    add("hung-always", "scrape_timeout: 500ms", vec![nothing.clone(), nothing]);
    add("large-body", "body_size_limit: 1KB", vec![page.clone(), large(), page]);
    pages
}

fn open(body: &str) -> Answer {
    Answer::Page { content_type: OPEN_METRICS, body: format!("{body}# EOF\n").into_bytes() }
}

fn large() -> Answer {
    let mut body = String::new();
    for number in 0..200 {
        let _ = writeln!(body, "a{{number=\"{number}\"}} {number}");
    }
    Answer::text(&body)
}

const LABELED: &str = "a 1\na{b=\"c\"} 2\na{b=\"c\",d=\"e\"} 3\n";
const LONG: &str = "a 1\na{short=\"0123456789\",b=\"1\"} 2\n";
const OWN: &str = "a{job=\"other\",instance=\"mine\"} 1\na{exported_job=\"third\",job=\"other\"} 2\na{job=\"\"} 3\n";
const BOUNDS: &str = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"1e1\"} 2\nh_bucket{le=\"1E+2\"} 3\nh_bucket{le=\"1e6\"} 3\nh_bucket{le=\"1e21\"} 3\nh_bucket{le=\"0.0000001\"} 3\nh_bucket{le=\"+Inf\"} 4\nh_sum 5\nh_count 4\n# TYPE s summary\ns{quantile=\"0\"} 1\ns{quantile=\"1\"} 2\ns{quantile=\".5\"} 2\ns_sum 3\ns_count 4\n# TYPE g gauge\ng{le=\"1\"} 1\ng{quantile=\"1\"} 1\nuntyped_bucket{le=\"2\"} 1\n";

/// Name, settings and a page in text.
const TEXTS: &[(&str, &str, &str)] = &[
    ("sample-limit-met", "sample_limit: 3", LABELED),
    ("sample-limit-exceeded", "sample_limit: 2", LABELED),
    (
        "sample-limit-and-rules",
        "sample_limit: 2, metric_relabel_configs: [{ source_labels: [d], regex: e, action: drop }]",
        LABELED,
    ),
    ("label-limit-met", "label_limit: 5", LABELED),
    ("label-limit-exceeded", "label_limit: 4", LABELED),
    ("label-name-limit-met", "label_name_length_limit: 8", "a 1\na{eightxyz=\"1\"} 2\n"),
    ("label-name-limit-exceeded", "label_name_length_limit: 7", "a 1\na{eightxyz=\"1\"} 2\n"),
    ("label-value-limit-exceeded", "label_value_length_limit: 9", LONG),
    ("label-value-limit-met", "label_value_length_limit: 100", LONG),
    ("label-limit-and-empty-label", "label_limit: 4", "a{b=\"c\",d=\"\"} 1\n"),
    ("honored-labels", "honor_labels: true", OWN),
    ("labels-of-its-own", "", OWN),
    ("ignored-times", "honor_timestamps: false", "a 1 @+1500@\nb 2 @-100000@\nc 3\n"),
    (
        "drop",
        "metric_relabel_configs: [{ source_labels: [__name__], regex: \"b.*\", action: drop }]",
        "a 1\nb 2\nbc 3\n",
    ),
    (
        "keep",
        "metric_relabel_configs: [{ source_labels: [__name__], regex: \"b.*|end_of_script\", action: keep }]",
        "a 1\nb 2\nbc 3\n",
    ),
    (
        "keep-nothing",
        "metric_relabel_configs: [{ source_labels: [__name__], regex: \"end_of_script\", action: keep }]",
        "a 1\nb 2\n",
    ),
    (
        "replace",
        "metric_relabel_configs: [{ source_labels: [path], regex: \"/api/(v[0-9]+)/.*\", target_label: version, replacement: \"$1\" }]",
        "a{path=\"/api/v2/things\"} 1\na{path=\"/other\"} 2\n",
    ),
    (
        "replace-by-ascii-classes",
        "metric_relabel_configs: [{ source_labels: [b], regex: '\\w+|\\d', target_label: c, replacement: found }]",
        "a{b=\"\u{e9}\"} 1\na{b=\"\u{661}\"} 2\na{b=\"e1\"} 3\n",
    ),
    (
        "replace-with-groups",
        "metric_relabel_configs: [{ source_labels: [b], regex: '(x)([^{]*){y}', target_label: c, replacement: '$1z-${2}-$$-${a b}' }]",
        "a{b=\"x-1{y}\"} 1\na{b=\"x\"} 2\n",
    ),
    (
        "replace-with-scalars",
        "metric_relabel_configs: [{ source_labels: [b], regex: true, target_label: c, replacement: 1.10 }]",
        "a{b=\"true\"} 1\na{b=\"1\"} 2\n",
    ),
    (
        "renamed-metric",
        "metric_relabel_configs: [{ source_labels: [__name__], regex: \"old_(.*)\", target_label: __name__, replacement: \"new_${1}\" }]",
        "# HELP old_a Help.\n# TYPE old_a counter\nold_a 1\nb 2\n",
    ),
    (
        "label-drop",
        "metric_relabel_configs: [{ regex: \"tmp_.*\", action: labeldrop }]",
        "a{tmp_x=\"1\",b=\"2\"} 1\n",
    ),
    (
        "label-drop-makes-twins",
        "metric_relabel_configs: [{ regex: \"x\", action: labeldrop }]",
        "a{x=\"1\"} 1\na{x=\"2\"} 2\n",
    ),
    (
        "label-keep",
        "metric_relabel_configs: [{ regex: \"__name__|job|instance|b\", action: labelkeep }]",
        "a{x=\"1\",b=\"2\"} 1\n",
    ),
    (
        "label-map",
        "metric_relabel_configs: [{ regex: \"x_(.*)\", replacement: \"y_$1\", action: labelmap }]",
        "a{x_b=\"1\"} 1\n",
    ),
    (
        "hash-mod",
        "metric_relabel_configs: [{ source_labels: [b], modulus: 7, target_label: shard, action: hashmod }]",
        "a{b=\"1\"} 1\na{b=\"two\"} 2\na 3\n",
    ),
    (
        "lower-case",
        "metric_relabel_configs: [{ source_labels: [b], target_label: c, action: lowercase }]",
        "a{b=\"MiXeD\u{c9}\"} 1\n",
    ),
    (
        "upper-case",
        "metric_relabel_configs: [{ source_labels: [b], target_label: c, action: uppercase }]",
        "a{b=\"MiXeD\u{e9}\u{df}\"} 1\n",
    ),
    (
        "keep-equal",
        "metric_relabel_configs: [{ source_labels: [b], target_label: c, action: keepequal }]",
        "a{b=\"1\",c=\"1\"} 1\na{b=\"1\",c=\"2\"} 2\n",
    ),
    (
        "removed-name",
        "metric_relabel_configs: [{ regex: \"__name__\", action: labeldrop }]",
        "a 1\n",
    ),
    (
        "emptied-label",
        "metric_relabel_configs: [{ target_label: b, replacement: \"\" }]",
        "a{b=\"1\"} 1\n",
    ),
    ("bounds", "", BOUNDS),
];

/// Name and pages in OpenMetrics, without their ends.
const OPEN: &[(&str, &[&str])] = &[
    (
        "exemplars",
        &[
            "# TYPE a counter\na_total 1 # {trace=\"one\"} 1\n",
            "# TYPE a counter\na_total 2 # {trace=\"one\"} 1\n",
            "# TYPE a counter\na_total 3 # {trace=\"two\"} 1\n",
            "# TYPE a counter\na_total 4\n",
            "# TYPE a counter\na_total 5 # {trace=\"two\"} 1\n",
        ],
    ),
    (
        "exemplars-with-times",
        &[
            "# TYPE a counter\na_total 1 # {trace=\"one\"} 1 1700000000.5\n",
            "# TYPE a counter\na_total 2 # {trace=\"one\"} 1 1700000000.5\n",
            "# TYPE a counter\na_total 3 # {trace=\"one\"} 1 1700000001.5\n",
        ],
    ),
    (
        "exemplars-of-buckets",
        &[
            "# TYPE a histogram\na_bucket{le=\"1.0\"} 1 # {trace=\"one\",span=\"s\"} 0.5\na_bucket{le=\"+Inf\"} 2 # {} 7\na_count 2\na_sum 3\n",
            "# TYPE a histogram\na_bucket{le=\"1.0\"} 2 # {trace=\"two\"} 0.25\na_bucket{le=\"+Inf\"} 3 # {} 7\na_count 3\na_sum 4\n",
        ],
    ),
    ("exemplars-utf-8", &["# TYPE a counter\na_total 1 # {\"trace.id\"=\"\u{e9}\"} 1\n"]),
    (
        "exemplar-of-128-chars",
        &[
            "# TYPE a counter\na_total 1 # {x=\"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456\"} 1\n",
        ],
    ),
    (
        "metadata",
        &[
            "# TYPE meta_first counter\n# HELP meta_first First.\nmeta_first_total 1\n# TYPE meta_second gauge\n# HELP meta_second Second \\\"quoted\\\" \\\\ text.\nmeta_second 1\n",
            "# TYPE meta_first counter\n# HELP meta_first First.\nmeta_first_total 2\n# TYPE meta_second gauge\n# HELP meta_second Second, changed.\nmeta_second 1\n",
        ],
    ),
    (
        "metadata-of-all-kinds",
        &[
            "# TYPE meta_histogram_seconds histogram\n# UNIT meta_histogram_seconds seconds\n# HELP meta_histogram_seconds A histogram.\nmeta_histogram_seconds_bucket{le=\"+Inf\"} 1\nmeta_histogram_seconds_count 1\nmeta_histogram_seconds_sum 1\n# TYPE meta_summary summary\n# HELP meta_summary A summary.\nmeta_summary{quantile=\"0.5\"} 1\n# TYPE meta_info info\n# HELP meta_info An info.\nmeta_info_info{a=\"b\"} 1\n# TYPE meta_set stateset\n# HELP meta_set A set.\nmeta_set{meta_set=\"a\"} 1\n# TYPE meta_gauges gaugehistogram\n# HELP meta_gauges Gauges.\nmeta_gauges_bucket{le=\"+Inf\"} 1\nmeta_gauges_gcount 1\nmeta_gauges_gsum 1\n# TYPE meta_unknown unknown\n# HELP meta_unknown Unknown.\nmeta_unknown 1\n",
        ],
    ),
    (
        "metadata-interleaved",
        &[
            "# TYPE meta_x counter\n# TYPE meta_y gauge\n# HELP meta_y Y.\n# HELP meta_x X.\nmeta_x_total{a=\"1\"} 1\nmeta_y{a=\"1\"} 2\nmeta_x_total{a=\"2\"} 3\nmeta_y{a=\"2\"} 4\n",
        ],
    ),
    (
        "created-lines",
        &[
            "# TYPE a counter\na_total 5\na_created 1700000000\n",
            "# TYPE a counter\na_total 1\na_created 1700000100\n",
        ],
    ),
    (
        "kind",
        &[
            "# TYPE a counter\na_total 5\n",
            "# TYPE a gauge\na 5\n",
            "# TYPE a counter\na_total 6\n",
        ],
    ),
    ("order-of-lines", &["a 1\nb 2\nc 3\n", "c 4\na 5\nb 6\n", "b 7\nc 8\na 9\n"]),
    (
        "spelling-of-a-series",
        &["a{b=\"1\",c=\"2\"} 1\n", "a{c=\"2\",b=\"1\"} 2\n", "a{b=\"1\",c=\"2\"} 3\n"],
    ),
    (
        "several-values-with-times",
        &["a 1 @-2000@\na 2 @-1000@\na 3 @+0@\n", "a 4 @+1000@\na 3 @+0@\na 5 @+2000@\n"],
    ),
];
