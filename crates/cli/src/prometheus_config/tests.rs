use samples::Protocol;

use super::*;

fn read_text(text: &str) -> Result<Configuration, String> {
    parse(text, Path::new("prometheus.yml")).map_err(|error| error.to_string())
}

const FULL: &str = r#"
global:
  scrape_interval: 30s
  evaluation_interval: 1m
  external_labels: { region: eu }
rule_files: [rules/*.yml]
scrape_configs:
  - job_name: bots
    scrape_interval: 5s
    scrape_timeout: 4s
    metrics_path: /internal/metrics
    scheme: https
    params: { "match[]": [up, down], plain: ["1"] }
    basic_auth: { username: me, password: hunter2 }
    tls_config: { server_name: bot.internal, insecure_skip_verify: true }
    sample_limit: 1000
    label_limit: 30
    label_name_length_limit: 40
    label_value_length_limit: 50
    body_size_limit: 10MB
    fallback_scrape_protocol: PrometheusText0.0.4
    scrape_native_histograms: true
    static_configs:
      - targets: ["bot:7860", "other:80"]
        labels: { team: chat, shard: 1 }
    relabel_configs:
      - { source_labels: [__address__], regex: "other:.*", action: drop }
    metric_relabel_configs:
      - { source_labels: [__name__], regex: "go_.*", action: drop }
  - job_name: probes
    metrics_path: /probe
    static_configs: [{ targets: ["https://chat.example.com"] }]
    relabel_configs:
      - { source_labels: [__address__], target_label: __param_target }
      - { source_labels: [__param_target], target_label: instance }
      - { target_label: __address__, replacement: "blackbox:9115" }
remote_write:
  - url: http://prometheus:9090/api/v1/write
    protobuf_message: io.prometheus.write.v2.Request
    remote_timeout: 20s
    send_native_histograms: true
    headers: { X-Scope-OrgID: tenant }
    authorization: { credentials: sesame }
    queue_config: { max_samples_per_send: 500, batch_send_deadline: 1s, capacity: 9000, max_shards: 5, sample_age_limit: 30m }
"#;

#[test]
fn supported_settings_have_the_meaning_of_prometheus() {
    let Configuration { targets, receiver, batches, capacity, ignored, .. } =
        read_text(FULL).unwrap();
    let [bots, probes] = &targets[..] else { panic!("{} targets", targets.len()) };

    let url = "https://bot:7860/internal/metrics?match%5B%5D=up&match%5B%5D=down&plain=1";
    assert_eq!(bots.request.url.as_str(), url);
    assert_eq!((bots.every.as_secs(), bots.request.timeout.as_secs()), (5, 4));
    assert_eq!(bots.request.headers["authorization"], "Basic bWU6aHVudGVyMg==");
    assert_eq!(bots.request.server_name.as_deref(), Some("bot.internal"));
    let limits = bots.request.limits;
    assert_eq!(
        (limits.samples, limits.labels, limits.body_bytes),
        (Some(1000), Some(30), 10 << 20)
    );
    assert_eq!((limits.label_name_bytes, limits.label_value_bytes), (Some(40), Some(50)));
    assert_eq!(bots.request.fallback, Some(exposition::Format::Prometheus));

    assert_eq!(bots.request.histograms, scrape::Histograms::Native);
    assert!(receiver.checks.histograms_over_1_0);

    let url = "http://blackbox:9115/probe?target=https%3A%2F%2Fchat.example.com";
    assert_eq!(probes.request.url.as_str(), url);
    assert_eq!((probes.every.as_secs(), probes.request.timeout.as_secs()), (30, 10));

    assert_eq!((receiver.protocol, receiver.timeout.as_secs()), (Protocol::V2, 20));
    assert_eq!((receiver.max_samples, batches.most, capacity), (500, 500, Some(9000)));
    assert_eq!(receiver.checks.max_age.map(|age| age.as_secs()), Some(1800));
    assert!(matches!(receiver.auth, remote_write::Auth::Bearer(_)));
    let expected =
        ["rule_files", "global.evaluation_interval", "remote_write[0].queue_config.max_shards"];
    assert_eq!(ignored, expected);
}

#[test]
fn other_settings_are_reported_with_their_path() {
    let config = |job: &str| {
        format!(
            "scrape_configs: [{{ job_name: a, static_configs: [{{ targets: [\"a:1\"] }}], {job} }}]\n\
             remote_write: [{{ url: http://p/w }}]\n"
        )
    };
    let cases = [
        (config("kubernetes_sd_configs: [{}]"), "`scrape_configs[0].kubernetes_sd_configs` is not supported"),
        (config("scrape_interval: soon"), "`scrape_configs[0].scrape_interval` is `soon`; expected a duration, such as `15s`"),
        (config("scrape_interval: 5s, scrape_timeout: 6s"), "`scrape_configs[0].scrape_timeout` is longer than the interval, 5s"),
        (config("sample_limit: many"), "`scrape_configs[0].sample_limit` is `many`; expected a whole number, such as `1000`"),
        (config("enable_compression: false"), "`scrape_configs[0].enable_compression` is `false`, which is not supported"),
        (config("tls_config: { server_name: 10.0.0.1 }"), "`scrape_configs[0].tls_config.server_name` is `10.0.0.1`; expected a host name, such as `bot.example.com`"),
        (config("basic_auth: { password_file: /missing }"), "`scrape_configs[0].basic_auth.password_file` is `/missing`, which cannot be read: No such file or directory (os error 2)"),
        (config("metric_relabel_configs: [{ action: dropp }]"), "`scrape_configs[0].metric_relabel_configs[0]`: `action` is `dropp`; expected `replace`, `lowercase`, `uppercase`, `keep`, `drop`, `keepequal`, `dropequal`, `hashmod`, `labelmap`, `labeldrop` or `labelkeep`"),
        (config("fallback_scrape_protocol: Text"), "`scrape_configs[0].fallback_scrape_protocol` is `Text`; expected `PrometheusText0.0.4`, `PrometheusText1.0.0`, `OpenMetricsText0.0.1` or `OpenMetricsText1.0.0`"),
        ("scrape_configs: [{ job_name: a, static_configs: [{ targets: [\"http://a:1/\"] }] }]\nremote_write: [{ url: http://p/w }]\n".to_owned(), "`scrape_configs[0].static_configs[0].targets` is `http://a:1/`; expected a host and a port, such as `bot:7860`"),
        ("remote_write: [{ url: http://p/w, write_relabel_configs: [] }]\n".to_owned(), "`scrape_configs` is not set; expected at least one target\n  `remote_write[0].write_relabel_configs` is not supported"),
    ];
    for (text, expected) in cases {
        let error = read_text(&text).err().unwrap_or_default();
        assert_eq!(error, format!("`prometheus.yml` cannot be used\n  {expected}"), "{text}");
    }
}

#[test]
fn file_without_a_receiver_is_reported() {
    let error =
        read_text("scrape_configs: [{ job_name: a, static_configs: [{ targets: [\"a:1\"] }] }]")
            .err();
    let expected =
        "`prometheus.yml` cannot be used\n  `remote_write` is not set; expected one receiver";
    assert_eq!(error.as_deref(), Some(expected));
    assert!(read_text("a: [").err().unwrap().starts_with("`prometheus.yml` is not valid YAML"));
}

/// One job with these settings and targets.
fn job(settings: &str, group: &str) -> Result<Configuration, String> {
    read_text(&format!(
        "global: {{ scrape_interval: 30s }}\n\
         scrape_configs: [{{ job_name: a, static_configs: [{{ {group} }}], {settings} }}]\n\
         remote_write: [{{ url: http://p/w }}]\n"
    ))
}

#[test]
fn zero_is_the_default_time_as_in_prometheus() {
    for settings in ["scrape_interval: 0s, scrape_timeout: 0s", "scrape_interval: 0"] {
        let Configuration { targets, .. } = job(settings, "targets: [\"a:1\"]").unwrap();
        let times = (targets[0].every.as_secs(), targets[0].request.timeout.as_secs());
        assert_eq!(times, (30, 10), "{settings}");
    }
}

#[test]
fn labels_of_a_group_replace_those_of_the_job() {
    let group = "targets: [\"a:1\"], labels: { job: b, __metrics_path__: /own, __scheme__: \"\", __address__: \"x:9\" }";
    let Configuration { targets, .. } = job("metrics_path: /m", group).unwrap();
    let Target { request, labels, .. } = &targets[0];
    assert_eq!(request.url.as_str(), "http://a:1/own");
    assert_eq!(labels.up().unwrap().to_string(), r#"up{instance="a:1",job="b"}"#);
}

#[test]
fn scalars_of_a_rule_are_texts() {
    let rules = "relabel_configs: [{ source_labels: [scrape], regex: true, action: keep }], \
                 metric_relabel_configs: [{ target_label: shard, replacement: 1 }]";
    let group = "targets: [\"a:1\"], labels: { scrape: true }";
    assert_eq!(job(rules, group).unwrap().targets.len(), 1);
    assert_eq!(
        job(rules, "targets: [\"a:1\"], labels: { scrape: false }").unwrap().targets.len(),
        0
    );
}

#[test]
fn texts_are_taken_as_they_are_written() {
    let settings = "basic_auth: { username: 01, password: 0123 }, honor_labels: yes, sample_limit: 5, \
                    relabel_configs: [{ source_labels: [v], modulus: 4, action: hashmod, target_label: n }]";
    let group = "targets: [\"a:1\"], labels: { v: 1.10, on: yes }";
    let Configuration { targets, .. } = job(settings, group).unwrap();
    let Target { request, labels, .. } = &targets[0];
    assert_eq!(request.headers["authorization"], "Basic MDE6MDEyMw==");
    assert_eq!(request.limits.samples, Some(5));
    let up = labels.up().unwrap().to_string();
    assert!(up.contains(r#"on="yes""#) && up.contains(r#"v="1.10""#), "{up}");
}

#[test]
fn contradictory_settings_are_reported() {
    let error = |result: Result<Configuration, String>| result.err().unwrap_or_default();
    let receiver = "remote_write: [{ url: http://p/w }]";
    let two = "[{ job_name: a, static_configs: [] }, { job_name: a, static_configs: [] }]";
    let cases = [
        (
            read_text(&format!("scrape_configs: {two}\n{receiver}")),
            "`scrape_configs[1].job_name` is `a`; expected a name that no other job has",
        ),
        (
            read_text(&format!(
                "global: {{ scrape_interval: 5s, scrape_timeout: 6s }}\nscrape_configs: [{{ job_name: a }}]\n{receiver}"
            )),
            "`global.scrape_timeout` is longer than the interval, 5s",
        ),
        (
            job(
                "relabel_configs: [{ target_label: __scrape_timeout__, replacement: 31s }]",
                "targets: [\"a:1\"]",
            ),
            "`scrape_configs[0].static_configs[0].targets` is `a:1`; expected a valid label `__scrape_timeout__`, not longer than the interval",
        ),
    ];
    for (result, expected) in cases {
        assert_eq!(error(result), format!("`prometheus.yml` cannot be used\n  {expected}"));
    }
}
