"""Fleet (CloudWatch): the same questions for teams without Prometheus.

SEARCH expressions, so that a new probe shows up by itself. CloudWatch keeps no labels beyond the
dimensions, so there is neither location nor turn here, and its metric math cannot join the results of two searches, so
that down and degraded are two panels. A window is one period that is as long as the time that the panel shows.
"""

from panels import *


PROBE = "${PROP('Dim.Probe')}"


def ours(metric, stat, period, dimensions="Environment,Probe"):
    return f"SEARCH('{{Vigie,{dimensions}}} MetricName=\"{metric}\" Environment=\"$environment\"', '{stat}', {period})"


def probes(metric, stat, period=300, label=PROBE, dimensions="Environment,Probe", ref="a"):
    return search(ours(metric, stat, period, dimensions), label, ref)


FUNCTIONS = ["dispatcher", "prober", "bridge", "ingest", "alerts"]
QUEUES = ["runs", "samples.fifo", "alerts", "runs-dead", "samples-dead.fifo", "alerts-dead", "schedule-dead"]


def named(namespace, metric, dimension, names, stat):
    """By whole names: a name with a hyphen has to be quoted, and quotes ask for the whole of it."""
    wanted = " OR ".join(f'{dimension}="vigie-$environment-{name}"' for name in names)
    return f"SEARCH('{{{namespace},{dimension}}} MetricName=\"{metric}\" ({wanted})', '{stat}', 60)"


def watch(metric, label, ref):
    return probes(metric, "Sum", 60, label, "Environment", ref)


def build():
    b = board("vigie-fleet-cloudwatch", "Vigie: fleet (CloudWatch)", "All probes of an environment from CloudWatch's metrics.",
              choose_source("cloudwatch", "vigie-cloudwatch"),
              fixed("region", "Region", ["default", "eu-west-1", "eu-west-3", "eu-central-1", "us-east-1", "us-west-2"], "`default` is the data source's own region."),
              fixed("environment", "Environment", ["prod", "staging", "dev"], "The dimension Environment."), OBJECTIVE, links=True)
    cloud = dict(source=CLOUDWATCH)
    b = b.with_row(row("Now"))
    b = b.with_panel(number("State", "Whether the newest minute with a result had a failed run, in the last two days. Why: `vigie report --last PROBE`.",
                            probes("Success", "Minimum", 60), mappings=dict(v0=("down", RED), v1=("up", GREEN)), size=(16, 6), over="2d", **cloud))
    b = b.with_panel(number("Late, or only on retry", "Whether the newest minute with a result had a run that was right but degraded, in the last two days.",
                            probes("Degraded", "Maximum", 60), mappings=dict(v0=("no", GREEN), v1=("degraded", YELLOW)), size=(8, 6), over="2d", **cloud))
    for window, over, seconds in (("1 h", "1h", 3600), ("24 h", "24h", 86400), ("30 d", "30d", 30 * 86400)):
        b = b.with_panel(number(f"Availability, {window}", f"Successful runs over runs with a verdict, in the last {window}. Without a colour, since the objective is over 30 days.",
                                probes("Success", "Average", seconds), unit="percentunit", decimals=2, size=(6, 6), over=over, **cloud))
    left = f"1-(1-{ours('Success', 'Average', 30 * 86400)})/(1-$objective)"
    b = b.with_panel(number("Budget left, 30 d", "What is left of the failures that the objective allows in 30 days; below zero it was missed.",
                            search(left, PROBE), unit="percentunit", decimals=0, thresholds=BUDGET, size=(6, 6), over="30d", **cloud))
    b = b.with_row(row("Probes"))
    b = b.with_panel(graph("Availability", "Mean of Success: successful runs over runs with a verdict, in windows of 5 minutes.", probes("Success", "Average"),
                           unit="percentunit", high=1, size=(24, 8), **cloud))
    b = b.with_panel(graph("Failed runs by reason", "Runs that were down, by reason. The runbook has a recipe for each.",
                           probes("Failure", "Sum", 300, "${PROP('Dim.Probe')} ${PROP('Dim.Reason')}", "Environment,Probe,Reason"), unit="short", bars=True, **cloud))
    b = b.with_panel(graph("Degraded runs", "Right, but late, or only on retry; share of the runs.", probes("Degraded", "Average"), unit="percentunit", high=1, **cloud))
    b = b.with_row(row("Latency"))
    b = b.with_panel(graph("First chunk, median", "Prompt sent to first text, all turns of a probe together.", probes("TimeToFirstChunk", "p50"), thresholds=LATENCY, line=True, **cloud))
    b = b.with_panel(graph("First chunk, p95", "One answer in twenty begins later than this.", probes("TimeToFirstChunk", "p95"), thresholds=LATENCY, line=True, **cloud))
    b = b.with_panel(graph("Whole visit, p95", "All turns and retries of a run.", probes("Duration", "p95"), size=(24, 8), **cloud))
    b = b.with_row(row("The watch itself"))
    b = b.with_panel(graph("Runs", "Dispatched and reported should be one line; what lies between them is lost.",
                           watch("RunsDispatched", "dispatched", "a"), watch("RunsReported", "reported", "b"), unit="short", **cloud))
    b = b.with_panel(graph("Lost, late, broken", "Runs without a result, runs dropped since they were picked up too late, runs in which Vigie itself failed or stood still, and probes that have no alarm.",
                           watch("RunsLost", "lost", "a"), watch("RunsLate", "late", "b"), probes("RunErrors", "Sum", 300, "own fault: ${PROP('Dim.Probe')}", ref="c"),
                           watch("RunsStalled", "stalled", "d"), probes("ProbesWithoutAlarm", "Maximum", 60, "probes without an alarm", "Environment", "e"),
                           unit="short", bars=True, **cloud))
    b = b.with_panel(graph("Functions: errors and throttles", "Any of them is an alarm of the watch itself.",
                           search(named("AWS/Lambda", "Errors", "FunctionName", FUNCTIONS, "Sum"), "errors ${PROP('Dim.FunctionName')}", "a"),
                           search(named("AWS/Lambda", "Throttles", "FunctionName", FUNCTIONS, "Sum"), "throttles ${PROP('Dim.FunctionName')}", "b"), unit="short", bars=True, **cloud))
    b = b.with_panel(graph("Queues: age of the oldest message", "Seconds that a result or a run waits. Dead-letter queues should have none.",
                           search(named("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", QUEUES, "Maximum"), "${PROP('Dim.QueueName')}"), **cloud))
    return b
