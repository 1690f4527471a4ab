"""Starts ministack, the AWS emulator of the tests, and corrects where it differs from AWS.

Every change below replaces a private function of the pinned version. Each one is looked up by name
and by parameters first, and the launcher refuses to start when one is gone: a newer emulator that does
it right, or does it elsewhere, has to be looked at by a person.

1. Alarm evaluation is off. The emulator's own pools dimensions and periods and knows neither M of N
   nor missing data. The harness evaluates instead (crate `alarm-model`) and calls SetAlarmState.
2. The message that an alarm sends to SNS has the form of CloudWatch's own: the emulator leaves out the
   alarm's ARN and actions, M, and the treatment of missing data, and spells the dimensions otherwise.
3. EventBridge Scheduler's context attributes, such as `<aws.scheduler.scheduled-time>`, are filled in.
   The emulator passes them on unchanged.
4. A batch of messages needs the permission for a single one, as on AWS, where `sqs:SendMessageBatch` and
   the like are not actions of IAM.
5. `AWS/Lambda` metrics are published for every invocation. The emulator publishes them for those that come by
   its API, and for none that a queue or a schedule makes.
6. A parameter of the template that is a number arrives at an event source mapping as a number, as CloudFormation
   converts it. The emulator keeps the text, and its poller of the queue fails on every comparison.
7. A layer of a native function is unpacked, and a setting with a path in `/opt`, where Lambda mounts layers, names that
   folder instead: the functions run on this machine, without a mount.

8. An alarm on metric math can be a resource of a template, and is listed with its metrics. The emulator refuses it.
   As for every alarm, the harness evaluates it.

9. Requests that were allowed are counted by role and action, and written to the file `REQUEST_COUNTS` every second.
   `PutMetricData` needs no permission here, so it is counted apart. For `GetMetricData` the metrics are counted,
   because AWS bills each of them.

Nothing else of the emulator is touched. Settings come from its own environment variables.
"""

import collections
import inspect
import json
import os
import re
import sys
import threading
import time
from datetime import datetime, timezone

CONTEXT_ATTRIBUTE = re.compile(r"<aws\.scheduler\.([a-z-]+)>")
RATE = re.compile(r"rate\(\s*(\d+)\s+(minute|hour|day)s?\s*\)")
UNIT_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}


def replace(module, name, parameters, replacement):
    """Puts `replacement` in the place of `module.name`, which has to take `parameters`."""
    original = getattr(module, name, None)
    found = list(inspect.signature(original).parameters) if callable(original) else None
    if found != parameters:
        sys.exit(
            f"launch.py: `{module.__name__}.{name}` takes {found}; expected {parameters}\n"
            "hint: the pinned emulator has changed; read the comment at the top of this file before changing it"
        )
    setattr(module, name, replacement(original))


def without_alarm_evaluation(cloudwatch):
    replace(cloudwatch, "_evaluate_alarm", ["alarm"], lambda _: lambda alarm: None)
    replace(cloudwatch, "_evaluate_all_alarms", [], lambda _: lambda: None)


def with_cloudwatchs_alarm_message(cloudwatch, sns):
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html"""

    def dispatch(alarm, old_state, new_state, reason):
        actions = {
            "ALARM": "AlarmActions",
            "OK": "OKActions",
            "INSUFFICIENT_DATA": "InsufficientDataActions",
        }
        if not alarm.get("ActionsEnabled", True):
            return
        region = cloudwatch.get_region()
        trigger = {
            "MetricName": alarm.get("MetricName"),
            "Namespace": alarm.get("Namespace"),
            "StatisticType": "Statistic",
            "Statistic": str(alarm.get("Statistic", "")).upper(),
            "Unit": alarm.get("Unit"),
            "Dimensions": [
                {"value": dimension["Value"], "name": dimension["Name"]}
                for dimension in alarm.get("Dimensions") or []
            ],
            "Period": int(alarm.get("Period", 60)),
            "EvaluationPeriods": int(alarm.get("EvaluationPeriods", 1)),
            "DatapointsToAlarm": int(
                alarm.get("DatapointsToAlarm") or alarm.get("EvaluationPeriods", 1)
            ),
            "ComparisonOperator": alarm.get("ComparisonOperator"),
            "Threshold": float(alarm.get("Threshold", 0)),
            "TreatMissingData": alarm.get("TreatMissingData") or "missing",
            "EvaluateLowSampleCountPercentile": "",
        }
        if alarm.get("Metrics"):
            for name in ["MetricName", "Namespace", "StatisticType", "Statistic", "Unit", "Dimensions", "Period"]:
                del trigger[name]
            trigger["Metrics"] = [metric_in_message(metric) for metric in alarm["Metrics"]]
        message = {
            "AlarmName": alarm.get("AlarmName"),
            "AlarmDescription": alarm.get("AlarmDescription"),
            "AWSAccountId": cloudwatch.get_account_id(),
            "AlarmConfigurationUpdatedTimestamp": written(
                alarm.get("AlarmConfigurationUpdatedTimestamp") or time.time()
            ),
            "NewStateValue": new_state,
            "NewStateReason": reason,
            "StateChangeTime": written(time.time()),
            "Region": region,
            "AlarmArn": alarm.get("AlarmArn"),
            "OldStateValue": old_state,
            "OKActions": alarm.get("OKActions") or [],
            "AlarmActions": alarm.get("AlarmActions") or [],
            "InsufficientDataActions": alarm.get("InsufficientDataActions") or [],
            "Trigger": trigger,
        }
        subject = f'{new_state}: "{alarm.get("AlarmName")}" in {region}'[:100]
        for arn in alarm.get(actions.get(new_state, "")) or []:
            if cloudwatch._is_sns_action_arn(arn):
                sns._fanout(arn, cloudwatch.new_uuid(), json.dumps(message), subject)

    replace(
        cloudwatch,
        "_dispatch_alarm_actions",
        ["alarm", "old_state", "new_state", "reason"],
        lambda _: dispatch,
    )


def metric_in_message(metric):
    """A metric of an alarm on metric math, in the message of the alarm."""
    if "MetricStat" not in metric:
        return metric
    stat = metric["MetricStat"]
    dimensions = [{"value": one["Value"], "name": one["Name"]} for one in stat["Metric"]["Dimensions"]]
    return {**metric, "MetricStat": {**stat, "Metric": {**stat["Metric"], "Dimensions": dimensions}}}


def with_alarms_on_metric_math(provisioners):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html"""

    def around(record):
        def _cw_metric_alarm_record(name, props):
            metrics = props.get("Metrics")
            if not metrics:
                return record(name, props)
            rest = {key: value for key, value in props.items() if key != "Metrics"}
            alarm = record(name, {**rest, "MetricName": "none", "Namespace": "none"})
            for key in ["MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Unit"]:
                del alarm[key]
            alarm["Dimensions"] = []
            alarm["Metrics"] = [typed_metric(metric) for metric in metrics]
            return alarm

        return _cw_metric_alarm_record

    replace(provisioners, "_cw_metric_alarm_record", ["name", "props"], around)


def typed_metric(metric):
    """A template may give numbers and booleans as text."""
    metric = {**metric, "ReturnData": str(metric.get("ReturnData", True)).lower() == "true"}
    if "MetricStat" in metric:
        metric["MetricStat"] = {**metric["MetricStat"], "Period": int(metric["MetricStat"]["Period"])}
    return metric


def written(seconds):
    """A time as CloudWatch writes it into an alarm's message."""
    moment = datetime.fromtimestamp(float(seconds), tz=timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"


def with_schedulers_context_attributes(eventbridge):
    """https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html"""

    def around(invoke):
        def invoke_target(target, event, rule, view=None):
            if event.get("Source") == "aws.scheduler" and target.get("Input"):
                values = {
                    "schedule-arn": rule.get("Arn", ""),
                    "scheduled-time": scheduled_time(rule, event["Time"]),
                    "execution-id": event["EventId"],
                    "attempt-number": "1",
                }
                target = dict(target)
                target["Input"] = CONTEXT_ATTRIBUTE.sub(
                    lambda match: values.get(match.group(1), match.group(0)), target["Input"]
                )
            return invoke(target, event, rule, view)

        return invoke_target

    replace(eventbridge, "_invoke_target", ["target", "event", "rule", "view"], around)


def scheduled_time(schedule, fired):
    """The time that the schedule was due at, not the later one at which the emulator got to it."""
    rate = RATE.fullmatch(schedule.get("ScheduleExpression", "").strip())
    if rate:
        interval = int(rate.group(1)) * UNIT_SECONDS[rate.group(2)]
        created = float(schedule.get("CreationDate", fired))
        due = created + (fired - created) // interval * interval
    else:
        due = fired // 60 * 60
    return datetime.fromtimestamp(due, tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def with_awss_actions_for_batches(iam_actions):
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html"""
    actions = {
        "sqs:SendMessageBatch": "sqs:SendMessage",
        "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
        "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
        "sns:PublishBatch": "sns:Publish",
    }

    def around(extract):
        def extract_iam_action(service, method, path, headers, body, query_params):
            action = extract(service, method, path, headers, body, query_params)
            return actions.get(action, action)

        return extract_iam_action

    parameters = ["service", "method", "path", "headers", "body", "query_params"]
    replace(iam_actions, "extract_iam_action", parameters, around)


def with_metrics_of_every_invocation(lambda_svc):
    """https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html"""
    emit = lambda_svc._emit_lambda_metrics

    def around(execute):
        def execute_function_dispatch(func, config, event, request_id, started):
            result = execute(func, config, event, request_id, started)
            elapsed = (time.time() - started) * 1000.0
            emit(config.get("FunctionName", "unknown"), elapsed, error=bool(result.get("error")), throttle=False)
            return result

        return execute_function_dispatch

    def throttles_only(function_name, duration_ms, error, throttle):
        # Executed invocations are reported by `around`, for every caller.
        if throttle:
            emit(function_name, duration_ms, error, throttle)

    replace(lambda_svc, "_execute_function_dispatch", ["func", "config", "event", "request_id", "started"], around)
    replace(
        lambda_svc,
        "_emit_lambda_metrics",
        ["function_name", "duration_ms", "error", "throttle"],
        lambda _: throttles_only,
    )


def with_numbers_in_scaling(lambda_svc):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-lambda-eventsourcemapping-scalingconfig.html"""

    def around(concurrency):
        def sqs_esm_concurrency(esm, func_rec, config, queue=None):
            limit = (esm.get("ScalingConfig") or {}).get("MaximumConcurrency")
            if isinstance(limit, str):
                esm = {**esm, "ScalingConfig": {"MaximumConcurrency": int(limit)}}
            return concurrency(esm, func_rec, config, queue)

        return sqs_esm_concurrency

    replace(lambda_svc, "_sqs_esm_concurrency", ["esm", "func_rec", "config", "queue"], around)


def with_layers_of_native_functions(lambda_svc):
    """https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html"""

    def around(environment):
        def _provided_worker_env(config, code_dir, port):
            variables = environment(config, code_dir, port)
            for layer in config.get("Layers") or []:
                content = lambda_svc._resolve_layer_zip(layer)
                if content:
                    folder = lambda_svc._docker_extracted_dir(content, "layer")
                    for name, value in variables.items():
                        if value == "/opt" or value.startswith("/opt/"):
                            variables[name] = folder + value.removeprefix("/opt")
            return variables

        return _provided_worker_env

    replace(lambda_svc, "_provided_worker_env", ["config", "code_dir", "port"], around)


def with_counted_requests(iam_evaluator, cloudwatch, path):
    counts = collections.defaultdict(collections.Counter)

    def count(action, number=1):
        # arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION
        arn = iam_evaluator.caller_arn().split("/")
        counts[arn[1] if len(arn) == 3 else ""][action] += number

    def around_enforce(enforce):
        def counted(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
            denied = enforce(access_key_id, iam_action, service, region, resource_arn, service_context)
            if not denied:
                count(iam_action)
            return denied

        return counted

    def around_published(put_metric_data):
        def counted(params, cbor_data, is_cbor, is_json=False):
            count("cloudwatch:PutMetricData")
            return put_metric_data(params, cbor_data, is_cbor, is_json)

        return counted

    def around_queries(get_metric_data):
        def counted(params, cbor_data, is_cbor, is_json=False):
            if cbor_data:
                queries = cbor_data.get("MetricDataQueries") or []
                count("metrics of cloudwatch:GetMetricData", sum("MetricStat" in query for query in queries))
            return get_metric_data(params, cbor_data, is_cbor, is_json)

        return counted

    parameters = ["access_key_id", "iam_action", "service", "region", "resource_arn", "service_context"]
    replace(iam_evaluator, "enforce", parameters, around_enforce)
    replace(cloudwatch, "_put_metric_data", ["params", "cbor_data", "is_cbor", "is_json"], around_published)
    replace(cloudwatch, "_get_metric_data", ["params", "cbor_data", "is_cbor", "is_json"], around_queries)

    def write():
        while True:
            time.sleep(1)
            with open(f"{path}.new", "w") as file:
                json.dump({role: dict(actions) for role, actions in list(counts.items())}, file)
            os.replace(f"{path}.new", path)

    threading.Thread(target=write, daemon=True).start()


def main():
    import cbor2  # noqa: F401 - the Rust SDK speaks CBOR to CloudWatch; without it every call fails
    from ministack import app
    from ministack.core import iam_actions, iam_evaluator
    from ministack.services import cloudwatch, eventbridge, lambda_svc, sns
    from ministack.services.cloudformation import provisioners

    without_alarm_evaluation(cloudwatch)
    with_cloudwatchs_alarm_message(cloudwatch, sns)
    with_schedulers_context_attributes(eventbridge)
    with_awss_actions_for_batches(iam_actions)
    with_metrics_of_every_invocation(lambda_svc)
    with_numbers_in_scaling(lambda_svc)
    with_layers_of_native_functions(lambda_svc)
    with_alarms_on_metric_math(provisioners)
    with_counted_requests(iam_evaluator, cloudwatch, os.environ["REQUEST_COUNTS"])
    app.main()


if __name__ == "__main__":
    main()
