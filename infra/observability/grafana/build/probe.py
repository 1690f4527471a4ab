"""Probe: the details of one probe, from its state to the phases of a run."""

from panels import *
from promql import S, availability, budget_left, last, quantile, state

FIRST_CHUNK = "probe_turn_first_chunk_seconds"
REPORTS = "https://s3.console.aws.amazon.com/s3/buckets/${report_bucket}?prefix=reports/${probe}/"
READ = "For the report of the run with its transcript, use `vigie report --last PROBE`, or set *Report bucket* and click the panel."


def reports(panel):
    """The panel links to the reports."""
    link = dashboard.DashboardLink("Reports in S3 (set Report bucket)").type(d.DashboardLinkType.LINK).url(REPORTS).target_blank(True).placement(None)
    return panel.data_links([link])


def bots_own_mean():
    """Mean duration of the app metrics, only of the instance that the probe targets."""
    def rate(part):
        return f'sum(rate(chatbot_request_duration_seconds_{part}{{job="gradio_chatbot"}}[5m]) and on (instance) {last("probe_success")})'
    return f"{rate('sum')} / {rate('count')}"


def build():
    variables = (
        choose_source("prometheus"),
        from_labels("environment", "Environment", 'label_values(probe_success{probe!=""}, environment)', multi=False),
        from_labels("probe", "Probe", 'label_values(probe_success{environment=~"$environment"}, probe)', multi=False),
        from_labels("location", "Location", 'label_values(probe_success{environment=~"$environment", probe=~"$probe"}, location)'),
        OBJECTIVE, LOOKBACK,
        fixed("window", "Percentiles over", ["30m", "10m", "1h", "6h", "1d"], "The window of the percentiles. A p95 needs at least 20 runs."),
        dashboard.TextBoxVariable("report_bucket").label("Report bucket").default_value("").description("The output ReportBucket of the stack; needed for the links to reports."),
    )
    b = board("vigie-probe", "Vigie: probe", "One probe: state, availability, latency by turn and phase, reasons, certificate.", *variables)

    b = b.with_row(row("Now"))
    b = b.with_panel(reports(number("State", f"Verdict of the last run, the worst of all locations. {READ}", query(state(by=""), instant=True), mappings=STATE)))
    b = b.with_panel(reports(number("Reason", f"Why the last run failed; \"none\" if it did not fail. {READ}",
                                    query(f"{last('probe_failure')} == 1", "{{reason}}", instant=True), thresholds=(RED,), text=True).no_value("none")))
    for window in ("1h", "24h", "30d"):
        b = b.with_panel(number(f"Availability, {window}", f"Successful runs divided by runs with a verdict, in the last {window}. For a slow probe without a run in this time, its last run.",
                                query(availability(window, by=""), instant=True), unit="percentunit", decimals=2))
    b = b.with_panel(number("Budget left, 30 d", "Remaining share of the failures that the objective allows in 30 days.",
                            query(budget_left(by=""), instant=True), unit="percentunit", decimals=0, thresholds=BUDGET))
    b = b.with_panel(reports(states("State", f"Verdicts over time. A gap means no data. {READ}",
                                    query(state(by=" by (location)"), "{{location}}"), size=(24, 5))))

    b = b.with_row(row("Latency"))
    b = b.with_panel(graph("First chunk by turn", "Time from prompt to first text: median and 95th percentile over the selected window. For a slow probe without a run in the window, its last run.",
                           query(quantile(0.5, FIRST_CHUNK, "$window"), "p50 turn {{turn}} {{location}}", ref="A"),
                           query(quantile(0.95, FIRST_CHUNK, "$window"), "p95 turn {{turn}} {{location}}", ref="B"),
                           thresholds=LATENCY, line=True))
    b = b.with_panel(graph("Every run", "First chunk of each run.",
                           query(last(FIRST_CHUNK), "turn {{turn}} {{location}}"), points=True))
    b = b.with_panel(graph("Phases", "Time of each phase of a run, summed over its turns. Phases do not overlap. A phase that did not occur is absent.",
                           query(f"avg by (phase) ({last('probe_phase_duration_seconds')})", "{{phase}}"), stack=True))
    b = b.with_panel(graph("Whole run and replies", "Duration of the run with its retries, and time to the end of the reply of each turn.",
                           query(last("probe_duration_seconds"), "run {{location}}", ref="A"),
                           query(last("probe_turn_reply_seconds"), "reply, turn {{turn}} {{location}}", ref="B")))
    b = b.with_panel(graph("Queue wait", "Time from prompt to start of processing, if the app reports it. It is the first value to grow when the bot is overloaded.",
                           query(last("probe_phase_duration_seconds", ', phase="queue"'), "queue {{location}}"), size=(8, 7)))
    b = b.with_panel(graph("App metrics and probe results", "Mean duration measured by the app (examples/gradio-metrics, scraped at the same host and port) and by the probe. "
                           "The difference is network, proxy or queue.",
                           query(bots_own_mean(), "bot, mean of all requests", ref="A"),
                           query(f"avg({last('probe_turn_reply_seconds')})", "probe, mean of its turns", ref="B"), size=(8, 7)))
    b = b.with_panel(graph("Gaps between chunks", "Quantiles of the time between two chunks of a reply.",
                           query(last("probe_inter_chunk_seconds"), "q{{quantile}} {{location}}"), size=(8, 7)))

    b = b.with_row(row("Failures and replies"))
    b = b.with_panel(graph("Failed runs by reason", "Failed runs in each interval of the graph.",
                           query(f"sum by (reason) (sum_over_time(probe_failure{{{S}}}[$__interval])) > 0", "{{reason}}"), unit="short", bars=True, interval="1m"))
    b = b.with_panel(graph("Checks failed and retries", "Failed checks of the last attempt, and attempts after the first one.",
                           query(last("probe_checks_failed"), "checks failed {{location}}", ref="A"),
                           query(last("probe_retries"), "retries {{location}}", ref="B"), unit="short"))
    b = b.with_panel(graph("Length of replies", "Characters of the reply of each turn. A sudden drop often means an apology instead of an answer.",
                           query(last("probe_reply_characters"), "turn {{turn}} {{location}}"), unit="short"))
    b = b.with_panel(number("Certificate", "Time until the first certificate of the chain expires.",
                            query(f"min({last('probe_ssl_earliest_cert_expiry')}) - time()", instant=True),
                            unit="s", decimals=0, thresholds=(RED, (3 * 86400, YELLOW), (14 * 86400, GREEN)), size=(6, 8)))
    b = b.with_panel(number("Reachable", "Whether the last run could read the description of the app, as a scrape would.",
                            query(f"min({last('up')})", instant=True), mappings=dict(v0=("no", RED), v1=("yes", GREEN)), size=(6, 8)))
    return b
