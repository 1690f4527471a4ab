"""Fleet: how all probes do, which ones do not, and why."""

from panels import *

S = 'environment=~"$environment", probe=~"$probe", location=~"$location"'
BY = "probe, environment, location"


def availability(window):
    return f"avg by ({BY}) (avg_over_time(probe_success{{{S}}}[{window}]))"


def build():
    state = f"last_over_time(probe_success{{{S}}}[$lookback]) + last_over_time(probe_degraded{{{S}}}[$lookback])"
    left = f"1 - (1 - {availability('30d')}) / (1 - $objective)"
    board_ = board(
        "vigie-fleet", "Vigie: fleet", "All probes: state now, availability against the objective, error budget, latency, reasons.",
        choose_source("prometheus", "vigie-prometheus"),
        from_labels("environment", "Environment", 'label_values(probe_success{probe!=""}, environment)'),
        from_labels("probe", "Probe", 'label_values(probe_success{environment=~"$environment"}, probe)'),
        from_labels("location", "Location", 'label_values(probe_success{environment=~"$environment", probe=~"$probe"}, location)'),
        OBJECTIVE, LOOKBACK,
    )
    board_ = board_.with_row(row("Now"))
    board_ = board_.with_panel(number(
        "Probes", "Probes that reported within the look-back.",
        query(f"count(last_over_time(probe_success{{{S}}}[$lookback]))", instant=True)))
    board_ = board_.with_panel(number(
        "Down", "Probes whose last run failed. A run that fails has failed its retry too.",
        query(f"sum(1 - last_over_time(probe_success{{{S}}}[$lookback]))", instant=True), thresholds=(GREEN, (1, RED))))
    board_ = board_.with_panel(number(
        "Degraded", "Probes whose last run was right but late, or passed only on retry.",
        query(f"sum(last_over_time(probe_degraded{{{S}}}[$lookback]))", instant=True), thresholds=(GREEN, (1, YELLOW))))
    board_ = board_.with_panel(number(
        "Availability, 24 h", "Successful runs over all runs with a verdict, of all probes shown.",
        query(f"sum(sum_over_time(probe_success{{{S}}}[24h])) / sum(count_over_time(probe_success{{{S}}}[24h]))", instant=True),
        unit="percentunit", decimals=2, thresholds=AVAILABILITY))
    board_ = board_.with_panel(number(
        "Runs, 24 h", "Runs with a verdict in the last day.",
        query(f"sum(count_over_time(probe_success{{{S}}}[24h]))", instant=True), unit="short"))
    board_ = board_.with_panel(number(
        "Newest result", "Age of the newest result of any probe shown. If it grows, we are blind, and the bots may be well.",
        query(f"time() - max(max_over_time(timestamp(probe_success{{{S}}})[$lookback:1m]))", instant=True),
        unit="s", decimals=0, thresholds=(GREEN, (300, YELLOW), (900, RED))))
    board_ = board_.with_panel(rows(
        "Probes", "One line for each probe and location; the name leads to its own dashboard. An empty cell means that there is no data.",
        [
            ("State", f"max by ({BY}) ({state})", "none", None, STATE),
            ("Availability 1 h", availability("1h"), "percentunit", AVAILABILITY, None),
            ("Availability 24 h", availability("24h"), "percentunit", AVAILABILITY, None),
            ("Availability 30 d", availability("30d"), "percentunit", AVAILABILITY, None),
            ("Budget left 30 d", left, "percentunit", BUDGET, None),
            ("First chunk p50 1 h", f"max by ({BY}) (quantile_over_time(0.5, probe_turn_first_chunk_seconds{{{S}}}[1h]))", "s", LATENCY, None),
            ("First chunk p95 1 h", f"max by ({BY}) (quantile_over_time(0.95, probe_turn_first_chunk_seconds{{{S}}}[1h]))", "s", LATENCY, None),
        ],
        link=("probe", "/d/vigie-probe?var-probe=${__data.fields.probe}&var-environment=${__data.fields.environment}&${__url_time_range}"),
    ))
    board_ = board_.with_panel(states(
        "State", "State of each probe over time. A gap means that nothing was reported, not that the bot was down.",
        query(state, "{{probe}} {{environment}} {{location}}")))
    board_ = board_.with_row(row("Availability"))
    board_ = board_.with_panel(graph(
        "Availability, sliding hour", "Share of successful runs in the hour before each point.",
        query(availability("1h"), "{{probe}} {{environment}} {{location}}"), unit="percentunit", low=None, high=1,
        thresholds=AVAILABILITY, line=True))
    board_ = board_.with_panel(bars(
        "Error budget left, 30 d", "What is left of the failures that the objective allows in 30 days; below zero it was missed.",
        query(left, "{{probe}} {{environment}} {{location}}", instant=True), unit="percentunit", thresholds=BUDGET, low=-0.5, high=1))
    board_ = board_.with_row(row("Latency"))
    board_ = board_.with_panel(bars(
        "Worst first chunk, p95 of 1 h", "The ten turns that keep people waiting longest for a first word.",
        query(f"topk(10, quantile_over_time(0.95, probe_turn_first_chunk_seconds{{{S}}}[1h]))",
              "{{probe}} turn {{turn}} {{environment}} {{location}}", instant=True), unit="s", thresholds=LATENCY, low=0))
    board_ = board_.with_panel(graph(
        "First chunk, worst turn", "Prompt sent to first text, p95 of the last 30 minutes, the slowest turn of each probe.",
        query(f"max by ({BY}) (quantile_over_time(0.95, probe_turn_first_chunk_seconds{{{S}}}[30m]))", "{{probe}} {{environment}} {{location}}"),
        thresholds=LATENCY, line=True))
    board_ = board_.with_row(row("What fails, and why"))
    board_ = board_.with_panel(graph(
        "Failed runs by reason", "Failed runs in each interval of the graph. The runbook has a recipe for each reason.",
        query(f"sum by (reason) (sum_over_time(probe_failure{{{S}}}[$__interval])) > 0", "{{reason}}"),
        unit="short", bars=True, interval="1m"))
    board_ = board_.with_panel(rows(
        "Failures of the last 24 h", "Runs that failed, by probe and reason.",
        [("Runs", f"sort_desc(sum by (probe, environment, reason) (sum_over_time(probe_failure{{{S}}}[24h])) > 0)", "short", (YELLOW,), None)],
        size=(12, 8)))
    return board_
