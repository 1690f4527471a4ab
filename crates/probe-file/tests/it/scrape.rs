//! The key `scrape`, with the names of Prometheus.

use domain::scrape::{Scrape, TextFormat};

fn read(scrape: &str) -> Result<Vec<Scrape>, String> {
    let text = format!(
        "probe: bot\nevery: 1m\ntarget: {{ url: \"http://bot\" }}\nconversation: [{{ say: hi }}]\nscrape: {scrape}\n"
    );
    let probe = probe_file::parse(&text, "bot.yaml");
    probe.map(|probe| probe.scrape).map_err(|mistakes| mistakes.to_string())
}

#[test]
fn list_has_a_scrape_for_each_job() {
    let scrapes = read(
        r#"
  - job_name: bots
    scrape_interval: 30s
    scrape_timeout: 5s
    metrics_path: /internal/metrics
    params: { "match[]": [up, down] }
    honor_labels: true
    honor_timestamps: false
    fallback_scrape_protocol: PrometheusText0.0.4
    sample_limit: 1000
    label_limit: 30
    metric_relabel_configs:
      - { source_labels: [__name__], regex: "go_.*", action: drop }
  - { job: other, path: /other, every: 1m }
"#,
    )
    .unwrap();
    let [bots, other] = &scrapes[..] else { panic!("{scrapes:?}") };
    assert_eq!((bots.job.as_str(), bots.path.as_str()), ("bots", "/internal/metrics"));
    assert_eq!((bots.every.as_secs(), bots.timeout().as_secs()), (30, 5));
    let options = &bots.options;
    assert_eq!(options.params["match[]"], ["up", "down"]);
    assert!(options.honor_labels && options.ignore_timestamps && !options.bounds_as_written);
    assert_eq!(options.fallback_scrape_protocol, Some(TextFormat::Prometheus));
    assert_eq!((options.sample_limit, options.label_limit), (Some(1000), Some(30)));
    assert_eq!(options.metric_relabel_configs[0].regex, "go_.*");
    assert_eq!((other.job.as_str(), other.timeout().as_secs()), ("other", 10));
}

#[test]
fn mapping_is_one_scrape_with_defaults() {
    let scrapes = read("{}").unwrap();
    let [one] = &scrapes[..] else { panic!("{scrapes:?}") };
    assert_eq!((one.job.as_str(), one.path.as_str()), ("gradio_chatbot", "/metrics"));
    assert_eq!(one.every.as_secs(), 15);
}

#[test]
fn scalars_of_a_rule_are_texts_as_they_are_written() {
    let scrapes = read(
        "{ metric_relabel_configs: [{ source_labels: [a], regex: true, target_label: b, replacement: 1.10 }, \
         { source_labels: [a], modulus: 4, target_label: 007, action: hashmod }] }",
    )
    .unwrap();
    let [first, second] = &scrapes[0].options.metric_relabel_configs[..] else { panic!() };
    assert_eq!((&*first.regex, &*first.replacement), ("true", "1.10"));
    assert_eq!((&*second.target_label, second.modulus), ("007", 4));
}

#[test]
fn invalid_scrape_is_reported() {
    let cases = [
        ("[{ job: a }, { job_name: a }]", "the job `a` occurs twice"),
        ("{ job: a, job_name: b }", "`job` and `job_name` are the same setting"),
        ("{ scrape_interval: 15s, scrape_timeout: 20s }", "a scrape can't take `20s`"),
        ("{ scrape_interval: 7s }", "a target can't be scraped every `7s`"),
        ("{ fallback_scrape_protocol: Text }", "`Text` is not a format"),
        (
            "{ metric_relabel_configs: [{ action: dropp }] }",
            "`action` is `dropp`; expected `replace`",
        ),
        ("{ metric_relabel_configs: [{ regexp: a }] }", "unknown field `regexp`"),
        (
            "{ basic_auth: { username: a }, authorization: { credentials: b } }",
            "both `basic_auth` and `authorization` are set",
        ),
        ("{ basic_auth: { password: a } }", "`basic_auth` has no `username`"),
        ("{ authorization: { type: Bearer } }", "`authorization` has no `credentials`"),
        ("{ tls_config: { cert: a } }", "the client certificate is incomplete"),
        ("{ tls_config: { ca: a, ca_file: b } }", "both `ca` and `ca_file` are set"),
        ("{ tls_config: { server_nam: a } }", "did you mean `server_name`?"),
        ("{ basic_auth: { username: \"${nonce}\" } }", "`${nonce}` has no value here"),
        ("{ sample_limit: 0 }", "`0` is out of range"),
    ];
    for (scrape, expected) in cases {
        let error = read(scrape).unwrap_err();
        assert!(error.contains(expected), "{scrape}: {error}");
    }
}

#[test]
fn credentials_are_templates() {
    let scrapes = read(
        r#"
  - job: one
    basic_auth: { username: me, password: "${secret:vigie/metrics#password}" }
    tls_config: { ca: pem, cert: pem, key: "${ssm:/vigie/key}", server_name: bot.internal }
  - { job: two, authorization: { credentials: "${secret:vigie/token}" } }
"#,
    )
    .unwrap();
    let mut texts = Vec::new();
    for scrape in &scrapes {
        let mut each = |key: &str, text: &domain::Template| texts.push(format!("{key} {text}"));
        scrape.http.for_each_template(&mut each);
    }
    let expected = [
        "basic_auth.username me",
        "basic_auth.password ${secret:vigie/metrics#password}",
        "tls_config.ca pem",
        "tls_config.cert pem",
        "tls_config.key ${ssm:/vigie/key}",
        "tls_config.server_name bot.internal",
        "authorization.type Bearer",
        "authorization.credentials ${secret:vigie/token}",
    ];
    assert_eq!(texts, expected);
}
