"""The PromQL that the dashboards share: the last result of a probe, and its results in a window.

A slow probe has windows without a run and would have no value between its runs. Prometheus does not know the interval
of a probe, so the expressions use the recording rule `probe:runs_in_16m:max2d`, as the alerts do: for a probe that
never ran three times within 16 minutes, the last run within two days is used instead. Without that rule, only the
windows are used. The last run and not all runs of two days, because Prometheus evaluates this for every probe and step
before it drops the fast probes, and a percentile over two days takes minutes.

Each value is that of one probe, environment and location. It counts runs and not series, because a probe whose address
or labels change has other series.
"""

S = 'environment=~"$environment", probe=~"$probe", location=~"$location"'
BY = "probe, environment, location"
SLOW = f"probe:runs_in_16m:max2d{{{S}}} < 3"
LAST = "last_over_time({})"


def over(function, name, window, extra="", of_last=LAST):
    """`function` over a series of the selected probes; `of_last`: the same for one run."""
    series = f"{name}{{{S}{extra}}}"
    return f"({function.format(f'{series}[{window}]')} or ({of_last.format(f'{series}[2d]')} and on ({BY}) {SLOW}))"


def last(name, extra=""):
    return over(LAST, name, "$lookback", extra)


def quantile(q, name, window):
    return over(f"quantile_over_time({q}, {{}})", name, window)


def state(by=f" by ({BY})"):
    """0 up, 1 degraded, 2 down: the worst state of each group."""
    return f"max{by} (2 - 2 * {last('probe_success')} + {last('probe_degraded')})"


def availability(window, by=f" by ({BY})"):
    good = over("sum_over_time({})", "probe_success", window)
    runs = over("count_over_time({})", "probe_success", window, of_last="present_over_time({})")
    return f"sum{by} ({good}) / sum{by} ({runs})"


def error_budget(by=f" by ({BY})"):
    """The share of runs that may fail: from the objective of the probe file, else from the variable."""
    own = f"1 - max{by} (last_over_time(probe_objective_ratio{{{S}}}[2d]))"
    other = f"1 - $objective + 0 * max{by} (last_over_time(probe_success{{{S}}}[30d]))"
    return f"({own} or {other})"


def budget_left(by=f" by ({BY})"):
    return f"1 - (1 - {availability('30d', by)}) / {error_budget(by)}"


def newest_age():
    """Seconds since the newest result; if it is older than five minutes, with a resolution of five minutes."""
    some = f"max(present_over_time(probe_success{{{S}}}[5m]))"
    return f"time() - (max(timestamp(probe_success{{{S}}})) or max_over_time((time() + 0 * {some})[2d:5m]))"
