"""The PromQL that the dashboards share: what probes said last, and what they said over a time.

A window with no run in it would make a slow probe blank between its runs. Prometheus does not know a probe's
interval, so what the rule `probe:runs_in_16m:max2d` recorded stands in for it, as in the alerts: of a probe that never
ran three times within 16 minutes, and of no other, the last run of two days is shown instead. Without that rule, slow
probes are seen as far as the windows reach. The last run and not all runs of two days: Prometheus works that out for
every probe and step before it drops the quick ones, and a percentile over two days takes it minutes.

Figures are one for each probe, environment and location. They count runs and not series, since a probe whose address
or labels change goes on under other series.
"""

S = 'environment=~"$environment", probe=~"$probe", location=~"$location"'
BY = "probe, environment, location"
SLOW = f"probe:runs_in_16m:max2d{{{S}}} < 3"
LAST = "last_over_time({})"


def over(function, name, window, extra="", of_last=LAST):
    """`function` of a series of the probes chosen; `of_last`: the same of one run."""
    series = f"{name}{{{S}{extra}}}"
    return f"({function.format(f'{series}[{window}]')} or ({of_last.format(f'{series}[2d]')} and on ({BY}) {SLOW}))"


def last(name, extra=""):
    return over(LAST, name, "$lookback", extra)


def quantile(q, name, window):
    return over(f"quantile_over_time({q}, {{}})", name, window)


def state(by=f" by ({BY})"):
    """0 up, 1 degraded, 2 down: the worst of what is put together."""
    return f"max{by} (2 - 2 * {last('probe_success')} + {last('probe_degraded')})"


def availability(window, by=f" by ({BY})"):
    good = over("sum_over_time({})", "probe_success", window)
    runs = over("count_over_time({})", "probe_success", window, of_last="present_over_time({})")
    return f"sum{by} ({good}) / sum{by} ({runs})"


def budget_left(by=f" by ({BY})"):
    return f"1 - (1 - {availability('30d', by)}) / (1 - $objective)"


def newest_age():
    """Seconds since the newest result; when there was none for five minutes, known to five minutes."""
    some = f"max(present_over_time(probe_success{{{S}}}[5m]))"
    return f"time() - (max(timestamp(probe_success{{{S}}})) or max_over_time((time() + 0 * {some})[2d:5m]))"
