"""Probe: one probe in depth, from its state down to the phases of a visit."""

from panels import *

S = 'environment=~"$environment", probe=~"$probe", location=~"$location"'
REPORTS = "https://s3.console.aws.amazon.com/s3/buckets/${report_bucket}?prefix=reports/${probe}/"


def last(name, extra=""):
    return f"last_over_time({name}{{{S}{extra}}}[$lookback])"


def share(window):
    return f"avg(avg_over_time(probe_success{{{S}}}[{window}]))"


def build():
    variables = (
        choose_source("prometheus", "vigie-prometheus"),
        from_labels("environment", "Environment", 'label_values(probe_success{probe!=""}, environment)'),
        from_labels("probe", "Probe", 'label_values(probe_success{environment=~"$environment"}, probe)', multi=False),
        from_labels("location", "Location", 'label_values(probe_success{environment=~"$environment", probe=~"$probe"}, location)'),
        OBJECTIVE, LOOKBACK,
        fixed("window", "Percentiles over", ["30m", "10m", "1h", "6h", "1d"], "The window of the percentiles: 20 runs or more give a p95 that means something."),
        dashboard.TextBoxVariable("report_bucket").label("Report bucket").default_value("").description("The stack's output ReportBucket; makes the links to reports work."),
    )
    b = board("vigie-probe", "Vigie: probe", "One probe: state, availability, latency by turn and phase, reasons, certificate.", *variables)
    b = b.link(dashboard.DashboardLink("Reports").type(d.DashboardLinkType.LINK).url(REPORTS).icon("doc").target_blank(True)
               .tooltip("Reports of failed and degraded runs, with their transcripts, in the S3 console"))

    b = b.with_row(row("Now"))
    b = b.with_panel(number("State", "Verdict of the last run; the worst of all locations.",
                            query(f"min({last('probe_success')} + {last('probe_degraded')})", instant=True), mappings=STATE))
    b = b.with_panel(number("Reason", "Why the last run failed; empty when it did not.",
                            query(f"{last('probe_failure')} == 1", "{{reason}}", instant=True), thresholds=(RED,), text=True).no_value("none"))
    for window in ("1h", "24h", "30d"):
        b = b.with_panel(number(f"Availability, {window}", f"Successful runs over runs with a verdict, in the last {window}.",
                                query(share(window), instant=True), unit="percentunit", decimals=2, thresholds=AVAILABILITY))
    b = b.with_panel(number("Budget left, 30 d", "What is left of the failures that the objective allows in 30 days.",
                            query(f"1 - (1 - {share('30d')}) / (1 - $objective)", instant=True), unit="percentunit", decimals=0, thresholds=BUDGET))
    b = b.with_panel(states("State", "Verdicts over time. A gap means that nothing was reported. Reports of the red and yellow runs: the link above.",
                            query(f"{last('probe_success')} + {last('probe_degraded')}", "{{location}}"), size=(24, 5)))

    b = b.with_row(row("Latency"))
    b = b.with_panel(graph("First chunk by turn", "Prompt sent to first text: median and 95th percentile over the chosen window.",
                           query(f"quantile_over_time(0.5, probe_turn_first_chunk_seconds{{{S}}}[$window])", "p50 turn {{turn}} {{location}}", ref="A"),
                           query(f"quantile_over_time(0.95, probe_turn_first_chunk_seconds{{{S}}}[$window])", "p95 turn {{turn}} {{location}}", ref="B"),
                           thresholds=LATENCY, line=True))
    b = b.with_panel(graph("Every run", "First chunk of each run, as measured.",
                           query(last("probe_turn_first_chunk_seconds"), "turn {{turn}} {{location}}"), points=True))
    b = b.with_panel(graph("Phases", "Where a visit spends its time, summed over its turns. Phases do not overlap; a phase that did not happen is absent.",
                           query(f"avg by (phase) ({last('probe_phase_duration_seconds')})", "{{phase}}"), stack=True))
    b = b.with_panel(graph("Whole visit and replies", "The visit with its retries, and each turn's reply to its end.",
                           query(last("probe_duration_seconds"), "visit {{location}}", ref="A"),
                           query(last("probe_turn_reply_seconds"), "reply, turn {{turn}} {{location}}", ref="B")))
    b = b.with_panel(graph("Queue wait", "Prompt sent to the app starting on it, where the app says so. It grows before anything else does when the bot is overloaded.",
                           query(last("probe_phase_duration_seconds", ', phase="queue"'), "queue {{location}}"), size=(8, 7)))
    b = b.with_panel(graph("Their clock and ours", "What the bot itself measured (examples/gradio-metrics) against what the probe saw. A gap is network, proxy or queue.",
                           query('sum(rate(chatbot_request_duration_seconds_sum{job="gradio_chatbot"}[5m])) / sum(rate(chatbot_request_duration_seconds_count{job="gradio_chatbot"}[5m]))',
                                 "bot, mean of all requests", ref="A"),
                           query(f"avg({last('probe_turn_reply_seconds')})", "probe, mean of its turns", ref="B"), size=(8, 7)))
    b = b.with_panel(graph("Gaps between chunks", "Quantiles of the pause between two chunks of a reply: stuttering shows here.",
                           query(last("probe_inter_chunk_seconds"), "q{{quantile}} {{location}}"), size=(8, 7)))

    b = b.with_row(row("Right and wrong"))
    b = b.with_panel(graph("Failed runs by reason", "Failed runs in each interval of the graph.",
                           query(f"sum by (reason) (sum_over_time(probe_failure{{{S}}}[$__interval])) > 0", "{{reason}}"), unit="short", bars=True, interval="1m"))
    b = b.with_panel(graph("Checks failed and retries", "Checks that failed in the last attempt, and attempts after the first one.",
                           query(last("probe_checks_failed"), "checks failed {{location}}", ref="A"),
                           query(last("probe_retries"), "retries {{location}}", ref="B"), unit="short"))
    b = b.with_panel(graph("Length of replies", "Characters of each turn's answer. A fall to nearly nothing is often an apology instead of an answer.",
                           query(last("probe_reply_characters"), "turn {{turn}} {{location}}"), unit="short"))
    b = b.with_panel(number("Certificate", "Time until the certificate that ends first ends.",
                            query(f"min(last_over_time(probe_ssl_earliest_cert_expiry{{{S}}}[$lookback])) - time()", instant=True),
                            unit="s", decimals=0, thresholds=(RED, (3 * 86400, YELLOW), (14 * 86400, GREEN)), size=(6, 8)))
    b = b.with_panel(number("Reachable", "Whether the app described itself to the last visit: what a scrape would say.",
                            query(f"min(last_over_time(up{{{S}}}[$lookback]))", instant=True), mappings=dict(v0=("no", RED), v1=("yes", GREEN)), size=(6, 8)))
    return b
