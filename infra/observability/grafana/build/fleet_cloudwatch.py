"""Fleet (CloudWatch): the same questions for teams without Prometheus.

SEARCH expressions, so that a new probe shows up by itself. CloudWatch keeps no labels beyond the
dimensions, so there is neither location nor turn here.
"""

from panels import *


def probes(metric, stat, period=300, label="${PROP('Dim.Probe')}", dimensions="Environment,Probe", ref="a"):
    return search(f"SEARCH('{{Vigie,{dimensions}}} MetricName=\"{metric}\" Environment=\"$environment\"', '{stat}', {period})", label, ref)


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
              fixed("environment", "Environment", ["prod", "staging", "dev"], "The dimension Environment."), links=True)
    cloud = dict(source=CLOUDWATCH)
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
    b = b.with_panel(graph("Lost, late, broken", "Runs without a result, runs dropped since they were picked up too late, and runs in which Vigie itself failed.",
                           watch("RunsLost", "lost", "a"), watch("RunsLate", "late", "b"), probes("RunErrors", "Sum", 300, "own fault: ${PROP('Dim.Probe')}", ref="c"),
                           unit="short", bars=True, **cloud))
    b = b.with_panel(graph("Functions: errors and throttles", "Any of them is an alarm of the watch itself.",
                           search(named("AWS/Lambda", "Errors", "FunctionName", FUNCTIONS, "Sum"), "errors ${PROP('Dim.FunctionName')}", "a"),
                           search(named("AWS/Lambda", "Throttles", "FunctionName", FUNCTIONS, "Sum"), "throttles ${PROP('Dim.FunctionName')}", "b"), unit="short", bars=True, **cloud))
    b = b.with_panel(graph("Queues: age of the oldest message", "Seconds that a result or a run waits. Dead-letter queues should have none.",
                           search(named("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", QUEUES, "Maximum"), "${PROP('Dim.QueueName')}"), **cloud))
    return b
