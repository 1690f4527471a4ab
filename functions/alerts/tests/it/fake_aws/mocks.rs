//! The clients of the SDK, whose answers come from the state in memory.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use alerts::{Clients, ReceiverClients};
use aws_sdk_cloudwatch::operation::describe_alarms::{DescribeAlarmsError, DescribeAlarmsOutput};
use aws_sdk_cloudwatch::operation::get_metric_data::{GetMetricDataError, GetMetricDataOutput};
use aws_sdk_cloudwatch::operation::list_alarm_mute_rules::{
    ListAlarmMuteRulesError, ListAlarmMuteRulesOutput,
};
use aws_sdk_cloudwatch::operation::put_metric_data::PutMetricDataOutput;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    AlarmMuteRuleStatus, AlarmMuteRuleSummary, MetricAlarm, MetricDataResult,
};
use aws_sdk_dynamodb::operation::get_item::{GetItemError, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemInput, PutItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryError, QueryOutput};
use aws_sdk_dynamodb::types::error::ConditionalCheckFailedException;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::operation::list_objects_v2::{ListObjectsV2Error, ListObjectsV2Output};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::Object;
use aws_sdk_s3::types::error::NoSuchKey;
use aws_sdk_secretsmanager::operation::get_secret_value::{
    GetSecretValueError, GetSecretValueOutput,
};
use aws_sdk_sns::operation::list_subscriptions_by_topic::{
    ListSubscriptionsByTopicError, ListSubscriptionsByTopicOutput,
};
use aws_sdk_sns::operation::publish::{PublishError, PublishOutput};
use aws_sdk_sns::types::Subscription;
use aws_sdk_sqs::operation::send_message::{SendMessageError, SendMessageOutput};
use aws_smithy_mocks::{
    MockResponse, MockResponseInterceptor, RuleMode, create_mock_http_client, mock,
};
use domain::Report;
use receivers::{RetryPolicy, Sender};
use secrets::{ParameterStore, Secrets};

use super::{ALARMS_TOPIC, Item, Part, Published, State};

/// A client of `$sdk` that answers by `$rules`.
macro_rules! client {
    ($sdk:ident, $($rule:expr),+) => {{
        let interceptor = MockResponseInterceptor::new().rule_mode(RuleMode::MatchAny)
            $(.with_rule(&$rule))+;
        $sdk::Client::from_conf(
            $sdk::Config::builder()
                .behavior_version($sdk::config::BehaviorVersion::latest())
                .region($sdk::config::Region::new("eu-west-1"))
                .credentials_provider($sdk::config::Credentials::new("id", "key", None, None, "test"))
                .retry_config($sdk::config::retry::RetryConfig::disabled())
                .http_client(create_mock_http_client())
                .interceptor(interceptor)
                .build(),
        )
    }};
}

pub(super) fn clients(state: &Arc<Mutex<State>>) -> Clients {
    Clients {
        regions: Mutex::default(),
        receivers: ReceiverClients {
            secrets: Secrets::new(
                client!(aws_sdk_secretsmanager, secret(state.clone())),
                ParameterStore::new(&aws_config::SdkConfig::builder().build()),
            ),
            events: events(state.lock().unwrap().events.as_deref()),
            sender: Sender::new(RetryPolicy { attempts: 1, ..RetryPolicy::default() }),
        },
        sns: client!(aws_sdk_sns, publish(state.clone()), subscriptions(state.clone())),
        sqs: client!(aws_sdk_sqs, send(state.clone())),
        s3: client!(aws_sdk_s3, object(state.clone()), objects(state.clone())),
        dynamodb: client!(
            aws_sdk_dynamodb,
            get_item(state.clone()),
            put_item(state.clone()),
            query(state.clone())
        ),
        cloudwatch: client!(
            aws_sdk_cloudwatch,
            metrics(state.clone()),
            counts(state.clone()),
            alarms(state.clone()),
            mutes(state.clone())
        ),
    }
}

fn broken(state: &Mutex<State>, part: Part) -> bool {
    state.lock().unwrap().broken.contains(&part)
}

fn publish(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_sns::Client::publish).then_compute_response(move |request| {
        let topic = request.topic_arn().unwrap().to_owned();
        if broken(&state, Part::Topics) || state.lock().unwrap().broken_topics.contains(&topic) {
            return MockResponse::Error(PublishError::unhandled("topics are broken"));
        }
        let attributes = request.message_attributes().into_iter().flatten();
        let mut state = state.lock().unwrap();
        state.at_publish = state.items.clone();
        state.published.push(Published {
            topic: request.topic_arn().unwrap().to_owned(),
            subject: request.subject().unwrap().to_owned(),
            body: request.message().unwrap().to_owned(),
            attributes: attributes
                .map(|(name, value)| (name.clone(), value.string_value().unwrap().to_owned()))
                .collect(),
        });
        let id = format!("published-{}", state.published.len());
        MockResponse::Output(PublishOutput::builder().message_id(id).build())
    })
}

/// EventBridge is called without an SDK crate, so that it needs a server.
fn events(url: Option<&str>) -> aws_call::Client {
    let credentials = aws_sdk_sns::config::Credentials::new("id", "key", None, None, "test");
    let config = aws_config::SdkConfig::builder()
        .region(aws_sdk_sns::config::Region::new("eu-west-1"))
        .credentials_provider(aws_sdk_sns::config::SharedCredentialsProvider::new(credentials))
        .endpoint_url(url.unwrap_or("http://127.0.0.1:9"));
    aws_call::Client::new(&config.build())
}

fn secret(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_secretsmanager::Client::get_secret_value).then_compute_response(move |request| {
        let secrets = &state.lock().unwrap().secrets;
        match secrets.get(request.secret_id().unwrap()) {
            Some(secret) => {
                let output = GetSecretValueOutput::builder().secret_string(secret);
                MockResponse::Output(output.build())
            }
            None => MockResponse::Error(GetSecretValueError::unhandled("there is no such secret")),
        }
    })
}

fn send(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_sqs::Client::send_message).then_compute_response(move |request| {
        if broken(&state, Part::Queue) {
            return MockResponse::Error(SendMessageError::unhandled("the queue is broken"));
        }
        let body = request.message_body().unwrap().to_owned();
        state.lock().unwrap().sent.push((body, request.delay_seconds().unwrap_or(0)));
        MockResponse::Output(SendMessageOutput::builder().build())
    })
}

fn object(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_s3::Client::get_object).then_compute_response(move |request| {
        if broken(&state, Part::Bucket) {
            return MockResponse::Error(GetObjectError::unhandled("the bucket is broken"));
        }
        assert_eq!(request.bucket(), Some("vigie-prod-reports"));
        let mut state = state.lock().unwrap();
        state.read += 1;
        let wanted =
            |report: &&Report| Some(format!("{}.json", report.key()).as_str()) == request.key();
        match state.reports.iter().find(wanted) {
            Some(report) => {
                let body = serde_json::to_vec(report).unwrap();
                let length = i64::try_from(body.len()).unwrap();
                let output = GetObjectOutput::builder().content_length(length);
                MockResponse::Output(output.body(ByteStream::from(body)).build())
            }
            None => MockResponse::Error(GetObjectError::NoSuchKey(NoSuchKey::builder().build())),
        }
    })
}

/// Twenty keys a page. Each report has its page, and there is a copy of the newest one.
fn objects(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_s3::Client::list_objects_v2).then_compute_response(move |request| {
        if broken(&state, Part::Bucket) {
            return MockResponse::Error(ListObjectsV2Error::unhandled("the bucket is broken"));
        }
        let folder = request.prefix().unwrap();
        let after = request.continuation_token().or(request.start_after()).unwrap();
        let state = state.lock().unwrap();
        let keys = state.reports.iter().flat_map(|report| {
            let key = report.key();
            [format!("{key}.html"), format!("{key}.json"), Report::latest_key(&report.probe)]
        });
        let keys = keys.filter(|key| key.starts_with(folder) && after < key.as_str());
        let keys: Vec<String> = keys.collect::<BTreeSet<_>>().into_iter().collect();
        let page = keys.iter().take(20);
        let next = (20 < keys.len()).then(|| keys[19].clone());
        let output = ListObjectsV2Output::builder()
            .is_truncated(next.is_some())
            .set_next_continuation_token(next)
            .set_contents(Some(page.map(|key| Object::builder().key(key).build()).collect()));
        MockResponse::Output(output.build())
    })
}

fn metrics(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_cloudwatch::Client::get_metric_data).then_compute_response(move |request| {
        if broken(&state, Part::Metrics) {
            return MockResponse::Error(GetMetricDataError::unhandled("metrics are broken"));
        }
        let state = state.lock().unwrap();
        let start = *request.start_time().unwrap();
        let end = request.end_time().unwrap().secs();
        let own = DateTime::from_secs(end - state.age.unwrap_or(150));
        let results = request.metric_data_queries().iter().flat_map(|query| {
            let is_own =
                query.metric_stat().and_then(aws_sdk_cloudwatch::types::MetricStat::period)
                    == Some(60);
            // Yesterday, for the daily values of the weekly mail.
            let yesterday = DateTime::from_secs(end - 86_400);
            let at = match query.expression() {
                Some(_) => yesterday,
                None if is_own => own,
                None => start,
            };
            let result = |label: &str, value: Option<f64>| {
                MetricDataResult::builder()
                    .id(query.id().unwrap())
                    .label(label)
                    .set_timestamps(Some(value.iter().map(|_| at).collect()))
                    .set_values(Some(value.into_iter().collect()))
                    .build()
            };
            let Some(stat) = query.metric_stat() else {
                if query.id().is_some_and(|id| id.starts_with("excluded")) {
                    return Vec::new();
                }
                let passed = query.id() == Some("passed");
                let value = |(p, all): &(f64, f64)| Some(if passed { *p } else { *all });
                let week = state.week.iter().map(|(probe, runs)| result(probe, value(runs)));
                return week.collect::<Vec<_>>();
            };
            let metric = stat.metric().unwrap();
            assert_eq!(metric.namespace(), Some("Vigie"));
            let name = metric.metric_name().unwrap().to_owned();
            let value = state.metrics.get(&(name, stat.stat().unwrap().to_owned()));
            vec![result("", value.copied())]
        });
        let results = Some(results.collect());
        MockResponse::Output(
            GetMetricDataOutput::builder().set_metric_data_results(results).build(),
        )
    })
}

fn subscriptions(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_sns::Client::list_subscriptions_by_topic).then_compute_response(move |request| {
        let state = state.lock().unwrap();
        let topic = request.topic_arn().unwrap();
        if state.unseen.contains(topic) {
            let error = ListSubscriptionsByTopicError::unhandled("throttled");
            return MockResponse::Error(error);
        }
        let known = state.subscriptions.get(topic).into_iter().flatten();
        let list = known.map(|(address, arn)| {
            Subscription::builder().endpoint(*address).subscription_arn(*arn).build()
        });
        let list = Some(list.collect());
        let output = ListSubscriptionsByTopicOutput::builder().set_subscriptions(list);
        MockResponse::Output(output.build())
    })
}

fn alarms(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_cloudwatch::Client::describe_alarms).then_compute_response(move |request| {
        if broken(&state, Part::Alarms) {
            return MockResponse::Error(DescribeAlarmsError::unhandled("throttled"));
        }
        let state = state.lock().unwrap();
        let names = request.alarm_names();
        let wanted = |name: &str| match request.action_prefix() {
            Some(topic) => topic == ALARMS_TOPIC,
            None => names.iter().any(|one| one == name),
        };
        let alarms = state.alarms.iter().filter(|(name, _)| wanted(name)).map(|(name, alarm)| {
            let (value, since) = alarm;
            let since = DateTime::from_millis(since.as_millisecond());
            MetricAlarm::builder()
                .alarm_name(name)
                .alarm_arn(format!("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{name}"))
                .alarm_actions(ALARMS_TOPIC)
                .set_alarm_description(state.described.get(name).cloned())
                .state_value(value.clone())
                .state_transitioned_timestamp(since)
                .build()
        });
        // The API returns 50 alarms a page unless the request asks for more.
        let alarms: Vec<MetricAlarm> = alarms.collect();
        let start: usize = request.next_token().map_or(0, |token| token.parse().unwrap());
        let most = usize::try_from(request.max_records().unwrap_or(50)).unwrap();
        let end = alarms.len().min(start + most);
        let output = DescribeAlarmsOutput::builder()
            .set_metric_alarms(Some(alarms[start..end].to_vec()))
            .set_next_token((end < alarms.len()).then(|| end.to_string()));
        MockResponse::Output(output.build())
    })
}

fn mutes(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_cloudwatch::Client::list_alarm_mute_rules).then_compute_response(move |request| {
        if broken(&state, Part::Mutes) {
            return MockResponse::Error(ListAlarmMuteRulesError::unhandled("no such operation"));
        }
        assert_eq!(request.statuses(), [AlarmMuteRuleStatus::Active]);
        let mut state = state.lock().unwrap();
        state.listed_mutes += usize::from(request.alarm_name().is_some());
        let found = match request.alarm_name() {
            Some(name) => state.muted.contains(name),
            None => !state.muted.is_empty(),
        };
        let rule = AlarmMuteRuleSummary::builder().status(AlarmMuteRuleStatus::Active).build();
        let rules = found.then_some(rule).into_iter().collect();
        let output = ListAlarmMuteRulesOutput::builder();
        MockResponse::Output(output.set_alarm_mute_rule_summaries(Some(rules)).build())
    })
}

fn counts(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_cloudwatch::Client::put_metric_data).then_compute_output(move |request| {
        assert_eq!(request.namespace(), Some("Vigie"));
        let data = request.metric_data().iter();
        let counts = data.map(|d| (d.metric_name().unwrap().to_owned(), d.value().unwrap()));
        state.lock().unwrap().counts.extend(counts);
        PutMetricDataOutput::builder().build()
    })
}

fn get_item(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_dynamodb::Client::get_item).then_compute_response(move |request| {
        if broken(&state, Part::Table) {
            return MockResponse::Error(GetItemError::unhandled("the table is broken"));
        }
        let key = key(request.key().unwrap());
        let item = state.lock().unwrap().items.get(&key).cloned();
        MockResponse::Output(GetItemOutput::builder().set_item(item).build())
    })
}

fn put_item(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_dynamodb::Client::put_item).then_compute_response(move |request| {
        if broken(&state, Part::Table) || broken(&state, Part::TableWrites) {
            return MockResponse::Error(PutItemError::unhandled("the table is broken"));
        }
        let item = request.item().unwrap();
        let key = key(item);
        let items = &mut state.lock().unwrap().items;
        if !allowed(request, items.get(&key)) {
            let refused = ConditionalCheckFailedException::builder().build();
            return MockResponse::Error(PutItemError::ConditionalCheckFailedException(refused));
        }
        items.insert(key, item.clone());
        MockResponse::Output(PutItemOutput::builder().build())
    })
}

/// The conditions that the function writes, and no others.
fn allowed(request: &PutItemInput, before: Option<&Item>) -> bool {
    let Some(condition) = request.condition_expression() else { return true };
    if condition == "attribute_not_exists(pk)" {
        return before.is_none();
    }
    let values = request.expression_attribute_values().unwrap();
    let known = |name: &str| before.map(|item| item[name].as_n().unwrap().parse::<i64>().unwrap());
    let value = |name: &str| values[name].as_n().unwrap().parse::<i64>().unwrap();
    match condition {
        "attribute_not_exists(pk) OR version <> :version" => {
            known("version").is_none_or(|version| version != value(":version"))
        }
        "revision = :over" => known("revision") == Some(value(":over")),
        "attribute_not_exists(pk) OR until_ms <= :now" => {
            known("until_ms").is_none_or(|until| until <= value(":now"))
        }
        other => panic!("unknown condition `{other}`"),
    }
}

fn query(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_dynamodb::Client::query).then_compute_response(move |request| {
        if broken(&state, Part::Table) {
            return MockResponse::Error(QueryError::unhandled("the table is broken"));
        }
        let values = request.expression_attribute_values().unwrap();
        let text = |name: &str| values.get(name).map(|value| value.as_s().unwrap().as_str());
        let expected = match text(":first") {
            Some(_) => "pk = :pk AND sk BETWEEN :first AND :last",
            None => "pk = :pk",
        };
        assert_eq!(request.key_condition_expression(), Some(expected));
        let items = &state.lock().unwrap().items;
        let found = items.iter().filter(|((pk, sk), _)| {
            let sk = sk.as_str();
            let is_after = text(":first").is_none_or(|first| first <= sk);
            Some(pk.as_str()) == text(":pk")
                && is_after
                && text(":last").is_none_or(|last| sk <= last)
        });
        let found = Some(found.map(|(_, item)| item.clone()).collect());
        MockResponse::Output(QueryOutput::builder().set_items(found).build())
    })
}

fn key(item: &Item) -> (String, String) {
    (item["pk"].as_s().unwrap().clone(), item["sk"].as_s().unwrap().clone())
}
