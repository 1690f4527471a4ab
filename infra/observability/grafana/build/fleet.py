"""Fleet: the state of all probes, the failing ones, and the reasons."""

from panels import *
from promql import BY, S, availability, budget_left, newest_age, quantile, state

FIRST_CHUNK = "probe_turn_first_chunk_seconds"
NAME = "{{probe}} {{environment}} {{location}}"
PROBE = ("/d/vigie-probe?var-probe=${__data.fields.probe}&var-environment=${__data.fields.environment}&var-location=${__data.fields.location}"
         "&${datasource:queryparam}&${lookback:queryparam}&${objective:queryparam}&${__url_time_range}")


def build():
    board_ = board(
        "vigie-fleet", "Vigie: fleet", "All probes: state now, availability against the objective, error budget, latency, reasons.",
        choose_source("prometheus"),
        from_labels("environment", "Environment", 'label_values(probe_success{probe!=""}, environment)'),
        from_labels("probe", "Probe", 'label_values(probe_success{environment=~"$environment"}, probe)'),
        from_labels("location", "Location", 'label_values(probe_success{environment=~"$environment", probe=~"$probe"}, location)'),
        OBJECTIVE, LOOKBACK,
    )
    board_ = board_.with_row(row("Now"))
    board_ = board_.with_panel(number(
        "Probes", "Probes with a result within the look-back. A probe that runs in two locations counts twice.",
        query(f"count({state()})", instant=True)))
    board_ = board_.with_panel(number(
        "Down", "Probes whose last run failed. In a failed run, the retry failed too.",
        query(f"sum({state()} == bool 2)", instant=True), thresholds=(GREEN, (1, RED))))
    board_ = board_.with_panel(number(
        "Degraded", "Probes whose last run missed an objective or passed only on retry.",
        query(f"sum({state()} == bool 1)", instant=True), thresholds=(GREEN, (1, YELLOW))))
    board_ = board_.with_panel(number(
        "Availability, 24 h", "Successful runs divided by runs with a verdict, for all probes shown. No colour, because the objective is over 30 days.",
        query(availability("24h", by=""), instant=True), unit="percentunit", decimals=2))
    board_ = board_.with_panel(number(
        "Runs, 24 h", "Runs with a verdict in the last day.",
        query(f"sum(count_over_time(probe_success{{{S}}}[24h]))", instant=True), unit="short"))
    board_ = board_.with_panel(number(
        "Newest result", "Age of the newest result of all probes shown, within two days. If it exceeds the shortest interval of these probes, there is no data, "
        "which does not mean that the bots are down. The alert VigieSilent reports it.",
        query(newest_age(), instant=True), unit="s", decimals=0))
    board_ = board_.with_panel(rows(
        "Probes", "One line for each probe and location; the name links to its dashboard. The remaining budget is that of the objective in the probe file, or of the selected one. "
        "For a slow probe without a run in the window, the last run is shown. An empty cell means no data.",
        [
            ("State", state(), "none", None, STATE),
            ("Availability 1 h", availability("1h"), "percentunit", None, None),
            ("Availability 24 h", availability("24h"), "percentunit", None, None),
            ("Availability 30 d", availability("30d"), "percentunit", None, None),
            ("Budget left 30 d", budget_left(), "percentunit", BUDGET, None),
            ("First chunk p50 1 h", f"max by ({BY}) ({quantile(0.5, FIRST_CHUNK, '1h')})", "s", LATENCY, None),
            ("First chunk p95 1 h", f"max by ({BY}) ({quantile(0.95, FIRST_CHUNK, '1h')})", "s", LATENCY, None),
        ],
        link=("probe", PROBE),
    ))
    board_ = board_.with_panel(states(
        "State", "State of each probe over time. A gap means no data, not that the bot was down.",
        query(state(), NAME)))
    board_ = board_.with_row(row("Availability"))
    board_ = board_.with_panel(graph(
        "Availability, sliding hour", "Share of successful runs in the hour before each point, and the objective.",
        query(availability("1h"), NAME, ref="A"), query("vector($objective)", "objective", ref="B"), unit="percentunit", low=None, high=1))
    board_ = board_.with_panel(bars(
        "Error budget left, 30 d", "Remaining share of the failures that the objective allows in 30 days; below zero, the objective is missed.",
        query(budget_left(), NAME, instant=True), unit="percentunit", thresholds=BUDGET, low=-0.5, high=1))
    board_ = board_.with_row(row("Latency"))
    board_ = board_.with_panel(bars(
        "Worst first chunk, p95 of 1 h", "The ten turns with the slowest first chunk.",
        query(f"topk(10, {quantile(0.95, FIRST_CHUNK, '1h')})", "{{probe}} turn {{turn}} {{environment}} {{location}}", instant=True),
        unit="s", thresholds=LATENCY, low=0))
    board_ = board_.with_panel(graph(
        "First chunk, worst turn", "Prompt sent to first text, p95 of the last 30 minutes, the slowest turn of each probe.",
        query(f"max by ({BY}) ({quantile(0.95, FIRST_CHUNK, '30m')})", NAME), thresholds=LATENCY, line=True))
    board_ = board_.with_row(row("Failures"))
    board_ = board_.with_panel(graph(
        "Failed runs by reason", "Failed runs in each interval of the graph. The runbook has a section for each reason.",
        query(f"sum by (reason) (sum_over_time(probe_failure{{{S}}}[$__interval])) > 0", "{{reason}}"),
        unit="short", bars=True, interval="1m"))
    board_ = board_.with_panel(rows(
        "Failures of the last 24 h", "Failed runs by probe and reason.",
        [("Runs", f"sort_desc(sum by (probe, environment, reason) (sum_over_time(probe_failure{{{S}}}[24h])) > 0)", "short", (YELLOW,), None)],
        size=(12, 8)))
    return board_
