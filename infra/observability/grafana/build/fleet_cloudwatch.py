"""Fleet (CloudWatch): the same dashboard for teams without Prometheus.

SEARCH expressions include new probes automatically. CloudWatch has no labels other than the dimensions, so there is no
location and no turn. Metric math cannot join the results of two searches, so down and degraded are two panels. A window
is one period that is as long as the time range of the panel.
"""

from panels import *


PROBE = "${PROP('Dim.Probe')}"


def expression(metric, stat, period, dimensions="Environment,Probe"):
    return f"SEARCH('{{Vigie,{dimensions}}} MetricName=\"{metric}\" Environment=\"$environment\"', '{stat}', {period})"


def probes(metric, stat, period=300, label=PROBE, dimensions="Environment,Probe", ref="a"):
    return search(expression(metric, stat, period, dimensions), label, ref)


FUNCTIONS = ["dispatcher", "prober", "bridge", "ingest", "alerts"]
QUEUES = ["runs", "samples.fifo", "alerts", "runs-dead", "samples-dead.fifo", "alerts-dead", "schedule-dead"]


def named(namespace, metric, dimension, names, stat):
    """Searches by full names: a name with a hyphen must be quoted, and a quoted term matches the whole value."""
    wanted = " OR ".join(f'{dimension}="vigie-$environment-{name}"' for name in names)
    return f"SEARCH('{{{namespace},{dimension}}} MetricName=\"{metric}\" ({wanted})', '{stat}', 60)"


def own(metric, label, ref):
    return probes(metric, "Sum", 60, label, "Environment", ref)


def build():
    b = board("vigie-fleet-cloudwatch", "Vigie: fleet (CloudWatch)", "All probes of an environment from CloudWatch's metrics.",
              choose_source("cloudwatch"),
              fixed("region", "Region", ["default", "eu-west-1", "eu-west-3", "eu-central-1", "us-east-1", "us-west-2"], "`default` is the region of the data source."),
              fixed("environment", "Environment", ["prod", "staging", "dev"], "The dimension Environment."), OBJECTIVE_OF_ALL, links=True)
    cloud = dict(source=CLOUDWATCH)
    b = b.with_row(row("Now"))
    b = b.with_panel(number("State", "Whether the newest minute with a result within two days had a failed run. For the reason, use `vigie report --last PROBE`.",
                            probes("Success", "Minimum", 60), mappings=dict(v0=("down", RED), v1=("up", GREEN)), size=(16, 6), over="2d", **cloud))
    b = b.with_panel(number("Degraded", "Whether the newest minute with a result within two days had a degraded run.",
                            probes("Degraded", "Maximum", 60), mappings=dict(v0=("no", GREEN), v1=("degraded", YELLOW)), size=(8, 6), over="2d", **cloud))
    for window, over, seconds in (("1 h", "1h", 3600), ("24 h", "24h", 86400), ("30 d", "30d", 30 * 86400)):
        b = b.with_panel(number(f"Availability, {window}", f"Successful runs divided by runs with a verdict, in the last {window}. No colour, because the objective is over 30 days.",
                                probes("Success", "Average", seconds), unit="percentunit", decimals=2, size=(6, 6), over=over, **cloud))
    left = f"1-(1-{expression('Success', 'Average', 30 * 86400)})/(1-$objective)"
    b = b.with_panel(number("Budget left, 30 d", "Remaining share of the failures that the objective allows in 30 days; below zero, the objective is missed.",
                            search(left, PROBE), unit="percentunit", decimals=0, thresholds=BUDGET, size=(6, 6), over="30d", **cloud))
    b = b.with_row(row("Probes"))
    b = b.with_panel(graph("Availability", "Mean of Success: successful runs divided by runs with a verdict, in windows of 5 minutes.", probes("Success", "Average"),
                           unit="percentunit", high=1, size=(24, 8), **cloud))
    b = b.with_panel(graph("Failed runs by reason", "Failed runs by reason. The runbook has a section for each reason.",
                           probes("Failure", "Sum", 300, "${PROP('Dim.Probe')} ${PROP('Dim.Reason')}", "Environment,Probe,Reason"), unit="short", bars=True, **cloud))
    b = b.with_panel(graph("Degraded runs", "Share of the runs that missed an objective or passed only on retry.", probes("Degraded", "Average"), unit="percentunit", high=1, **cloud))
    b = b.with_row(row("Latency"))
    b = b.with_panel(graph("First chunk, median", "Time from prompt to first text, all turns of a probe together.", probes("TimeToFirstChunk", "p50"), thresholds=LATENCY, line=True, **cloud))
    b = b.with_panel(graph("First chunk, p95", "5 % of the replies start later than this.", probes("TimeToFirstChunk", "p95"), thresholds=LATENCY, line=True, **cloud))
    b = b.with_panel(graph("Whole run, p95", "Duration of a run with all turns and retries.", probes("Duration", "p95"), size=(24, 8), **cloud))
    b = b.with_row(row("Self-monitoring"))
    b = b.with_panel(graph("Runs", "Both lines should be equal. The difference is the number of lost runs.",
                           own("RunsDispatched", "dispatched", "a"), own("RunsReported", "reported", "b"), unit="short", **cloud))
    b = b.with_panel(graph("Lost, late and failed runs", "Runs without a result, runs dropped because they were received too late, runs with a Vigie fault or a stall, and probes without an alarm.",
                           own("RunsLost", "lost", "a"), own("RunsLate", "late", "b"), probes("RunErrors", "Sum", 300, "Vigie fault: ${PROP('Dim.Probe')}", ref="c"),
                           own("RunsStalled", "stalled", "d"), probes("ProbesWithoutAlarm", "Maximum", 60, "probes without an alarm", "Environment", "e"),
                           unit="short", bars=True, **cloud))
    b = b.with_panel(graph("Functions: errors and throttles", "Errors and throttles of the functions of Vigie.",
                           search(named("AWS/Lambda", "Errors", "FunctionName", FUNCTIONS, "Sum"), "errors ${PROP('Dim.FunctionName')}", "a"),
                           search(named("AWS/Lambda", "Throttles", "FunctionName", FUNCTIONS, "Sum"), "throttles ${PROP('Dim.FunctionName')}", "b"), unit="short", bars=True, **cloud))
    b = b.with_panel(graph("Queues: age of the oldest message", "Age of the oldest result or run request in seconds. Dead-letter queues should be empty.",
                           search(named("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", QUEUES, "Maximum"), "${PROP('Dim.QueueName')}"), **cloud))
    return b
