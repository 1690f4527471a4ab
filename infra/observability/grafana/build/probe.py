"""Probe: one probe in depth, from its state down to the phases of a visit."""

from panels import *
from promql import S, availability, budget_left, last, quantile, state

FIRST_CHUNK = "probe_turn_first_chunk_seconds"
REPORTS = "https://s3.console.aws.amazon.com/s3/buckets/${report_bucket}?prefix=reports/${probe}/"
READ = "The run's report, with its transcript: `vigie report --last PROBE`, or a click, once *Report bucket* is filled in."


def reports(panel):
    """What is red leads to the reports."""
    link = dashboard.DashboardLink("Reports in S3 (fill in Report bucket)").type(d.DashboardLinkType.LINK).url(REPORTS).target_blank(True).placement(None)
    return panel.data_links([link])


def bots_own_mean():
    """Of the bot that the probe visits: whoever else serves these metrics is left out."""
    def rate(part):
        return f'sum(rate(chatbot_request_duration_seconds_{part}{{job="gradio_chatbot"}}[5m]) and on (instance) {last("probe_success")})'
    return f"{rate('sum')} / {rate('count')}"


def build():
    variables = (
        choose_source("prometheus", "vigie-prometheus"),
        from_labels("environment", "Environment", 'label_values(probe_success{probe!=""}, environment)', multi=False),
        from_labels("probe", "Probe", 'label_values(probe_success{environment=~"$environment"}, probe)', multi=False),
        from_labels("location", "Location", 'label_values(probe_success{environment=~"$environment", probe=~"$probe"}, location)'),
        OBJECTIVE, LOOKBACK,
        fixed("window", "Percentiles over", ["30m", "10m", "1h", "6h", "1d"], "The window of the percentiles: 20 runs or more give a p95 that means something."),
        dashboard.TextBoxVariable("report_bucket").label("Report bucket").default_value("").description("The stack's output ReportBucket; makes the links to reports work."),
    )
    b = board("vigie-probe", "Vigie: probe", "One probe: state, availability, latency by turn and phase, reasons, certificate.", *variables)

    b = b.with_row(row("Now"))
    b = b.with_panel(reports(number("State", f"Verdict of the last run; the worst of all locations. {READ}", query(state(by=""), instant=True), mappings=STATE)))
    b = b.with_panel(reports(number("Reason", f"Why the last run failed; \"none\" when it did not. {READ}",
                                    query(f"{last('probe_failure')} == 1", "{{reason}}", instant=True), thresholds=(RED,), text=True).no_value("none")))
    for window in ("1h", "24h", "30d"):
        b = b.with_panel(number(f"Availability, {window}", f"Successful runs over runs with a verdict, in the last {window}; of a slow probe that had none, its last one.",
                                query(availability(window, by=""), instant=True), unit="percentunit", decimals=2))
    b = b.with_panel(number("Budget left, 30 d", "What is left of the failures that the objective allows in 30 days.",
                            query(budget_left(by=""), instant=True), unit="percentunit", decimals=0, thresholds=BUDGET))
    b = b.with_panel(reports(states("State", f"Verdicts over time. A gap means that nothing was reported. {READ}",
                                    query(state(by=" by (location)"), "{{location}}"), size=(24, 5))))

    b = b.with_row(row("Latency"))
    b = b.with_panel(graph("First chunk by turn", "Prompt sent to first text: median and 95th percentile over the chosen window; of a slow probe that had no run in it, the last one.",
                           query(quantile(0.5, FIRST_CHUNK, "$window"), "p50 turn {{turn}} {{location}}", ref="A"),
                           query(quantile(0.95, FIRST_CHUNK, "$window"), "p95 turn {{turn}} {{location}}", ref="B"),
                           thresholds=LATENCY, line=True))
    b = b.with_panel(graph("Every run", "First chunk of each run, as measured.",
                           query(last(FIRST_CHUNK), "turn {{turn}} {{location}}"), points=True))
    b = b.with_panel(graph("Phases", "Where a visit spends its time, summed over its turns. Phases do not overlap; a phase that did not happen is absent.",
                           query(f"avg by (phase) ({last('probe_phase_duration_seconds')})", "{{phase}}"), stack=True))
    b = b.with_panel(graph("Whole visit and replies", "The visit with its retries, and each turn's reply to its end.",
                           query(last("probe_duration_seconds"), "visit {{location}}", ref="A"),
                           query(last("probe_turn_reply_seconds"), "reply, turn {{turn}} {{location}}", ref="B")))
    b = b.with_panel(graph("Queue wait", "Prompt sent to the app starting on it, where the app says so. It grows before anything else does when the bot is overloaded.",
                           query(last("probe_phase_duration_seconds", ', phase="queue"'), "queue {{location}}"), size=(8, 7)))
    b = b.with_panel(graph("App metrics and probe results", "What the bot itself measured (examples/gradio-metrics, scraped under the same host and port) against what the probe saw. "
                           "A gap is network, proxy or queue.",
                           query(bots_own_mean(), "bot, mean of all requests", ref="A"),
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
                            query(f"min({last('probe_ssl_earliest_cert_expiry')}) - time()", instant=True),
                            unit="s", decimals=0, thresholds=(RED, (3 * 86400, YELLOW), (14 * 86400, GREEN)), size=(6, 8)))
    b = b.with_panel(number("Reachable", "Whether the app described itself to the last visit: what a scrape would say.",
                            query(f"min({last('up')})", instant=True), mappings=dict(v0=("no", RED), v1=("yes", GREEN)), size=(6, 8)))
    return b
