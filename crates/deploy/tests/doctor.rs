//! `vigie doctor` against a scripted AWS account with one planted fault each.

use std::sync::Arc;

use aws_config::{Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use deploy::account::Account;
use deploy::doctor::examine;
use deploy::facts::collect;
use deploy::parameters::of_pairs;
use deploy::run::root;
use domain::SecretReference;

/// What the account answers. The default is a healthy account with a deployed stack.
#[derive(Clone)]
struct Script {
    session_expired: bool,
    stack_status: Option<&'static str>,
    executions: u32,
    missing_type: &'static str,
    other_alarms: usize,
    /// Name of a topic without the environment, address, confirmed.
    subscriptions: Vec<(&'static str, &'static str, bool)>,
    /// The answer of `DescribeSecret`; `None` if the secret does not exist.
    secret: Option<&'static str>,
    /// The operation that a service control policy denies.
    denied: &'static str,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            session_expired: false,
            stack_status: Some("UPDATE_COMPLETE"),
            executions: 1_000,
            missing_type: "",
            other_alarms: 3,
            subscriptions: vec![
                ("notifications", "a@example.com", true),
                ("self-monitoring", "a@example.com", true),
            ],
            secret: Some("{}"),
            denied: "",
        }
    }
}

const SCP: &str = "User: arn:aws:iam::123456789012:user/x is not authorized with an explicit deny \
                   in a service control policy";

impl Script {
    fn answer(&self, environment: &str, operation: &str, body: &str) -> (u16, String) {
        let xml_error = |status, code: &str, message: &str| {
            let text = format!("<Code>{code}</Code><Message>{message}</Message>");
            (status, format!("<ErrorResponse><Error>{text}</Error></ErrorResponse>"))
        };
        let json_error = |status, code: &str, message: &str| {
            (status, format!(r#"{{"__type":"{code}","message":"{message}"}}"#))
        };
        if operation == self.denied {
            return json_error(400, "AccessDeniedException", SCP);
        }
        match operation {
            "GetCallerIdentity" if self.session_expired => {
                xml_error(403, "ExpiredToken", "The security token is expired")
            }
            "GetCallerIdentity" => {
                let arn = "<Arn>arn:aws:iam::123456789012:user/x</Arn>";
                (200, format!("{arn}<Account>123456789012</Account>"))
            }
            "DescribeStacks" => match self.stack_status {
                Some(status) => (200, format!("<StackStatus>{status}</StackStatus>")),
                None => xml_error(400, "ValidationError", "Stack vigie does not exist"),
            },
            "GetAccountSettings" => (
                200,
                format!(
                    r#"{{"AccountLimit":{{"ConcurrentExecutions":{0},"UnreservedConcurrentExecutions":{0}}}}}"#,
                    self.executions
                ),
            ),
            "DescribeType"
                if body.ends_with(self.missing_type) && !self.missing_type.is_empty() =>
            {
                xml_error(404, "TypeNotFoundException", "The type does not exist")
            }
            "DescribeType" => (200, "<Type>RESOURCE</Type>".to_owned()),
            "DescribeAlarms" => (200, "<AlarmName>other</AlarmName>".repeat(self.other_alarms)),
            "ListSubscriptions" => {
                let member = |(topic, endpoint, confirmed): &(&str, &str, bool)| {
                    let arn = if *confirmed { "arn:1" } else { "PendingConfirmation" };
                    format!(
                        "<member><TopicArn>arn:aws:sns:eu-west-3:1:vigie-{environment}-{topic}</TopicArn>\
                         <SubscriptionArn>{arn}</SubscriptionArn><Endpoint>{endpoint}</Endpoint></member>"
                    )
                };
                (200, self.subscriptions.iter().map(member).collect())
            }
            "DescribeSecret" => match self.secret {
                Some(found) => (200, found.to_owned()),
                None => json_error(400, "ResourceNotFoundException", "no such secret"),
            },
            "DescribeParameters" => {
                (200, r#"{"Parameters":[{"KeyId":"alias/aws/ssm"}]}"#.to_owned())
            }
            _ => json_error(400, "UnknownOperationException", operation),
        }
    }
}

async fn respond(
    State((script, environment)): State<(Arc<Script>, &'static str)>,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let of_form = || {
        let action = body.split('&').find_map(|pair| pair.strip_prefix("Action="));
        action.unwrap_or_default().to_owned()
    };
    let operation = match target {
        Some(target) => target.rsplit('.').next().unwrap_or_default().to_owned(),
        None if uri.path().contains("account-settings") => "GetAccountSettings".to_owned(),
        None => of_form(),
    };
    let (status, answer) = script.answer(environment, &operation, &body);
    (StatusCode::from_u16(status).expect("a status"), answer).into_response()
}

/// The findings for an environment with one probe that uses a secret and a parameter.
async fn findings(
    script: Script,
    environment: &'static str,
    parameters: &[&str],
) -> Result<Vec<String>, deploy::error::AnyError> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let router = Router::new().fallback(respond).with_state((Arc::new(script), environment));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
    let aws = SdkConfig::builder()
        .endpoint_url(endpoint)
        .region(Region::new("eu-west-3"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    let account = Account::of(&aws).await?;
    let id = format!("vigie/{environment}/bot");
    let secret = SecretReference::SecretsManager { id, key: Some("password".to_owned()) };
    let parameter = SecretReference::ParameterStore(format!("/vigie/{environment}/token"));
    let used = [secret, parameter].map(|one| (one, "probe `bot`".to_owned())).into();
    let values = of_pairs(parameters.iter().copied())?;
    let facts = collect(root(), &account, &environment.parse()?, &values, used).await?;
    Ok(examine(&facts).iter().map(ToString::to_string).collect())
}

const ADDRESS: &str = "AlertEmail=a@example.com";

#[tokio::test]
async fn healthy_account_has_no_findings() {
    let found = findings(Script::default(), "dev", &[ADDRESS]).await.unwrap();
    assert_eq!(found, Vec::<String>::new());
    let new = Script { stack_status: None, subscriptions: Vec::new(), ..Script::default() };
    assert_eq!(findings(new, "dev", &[ADDRESS]).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn expired_session_is_reported_before_anything_else() {
    let script = Script { session_expired: true, ..Script::default() };
    let error = findings(script, "dev", &[ADDRESS]).await.unwrap_err().to_string();
    assert!(error.starts_with("the session has expired: `GetCallerIdentity` failed"), "{error}");
    assert!(error.contains("aws sso login"), "{error}");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one row for each fault")]
async fn planted_fault_is_named_with_a_remedy() {
    struct Case {
        name: &'static str,
        environment: &'static str,
        script: Script,
        parameters: Vec<&'static str>,
        expected: &'static str,
        hint: &'static str,
    }
    let case = |name, script, expected, hint| Case {
        name,
        environment: "dev",
        script,
        parameters: vec![ADDRESS],
        expected,
        hint,
    };
    let healthy = Script::default;
    let long: &'static str = Box::leak(format!("ProbeVariables=A={}", "x".repeat(3_500)).into());
    let cases = [
        case(
            "failed creation",
            Script { stack_status: Some("ROLLBACK_COMPLETE"), ..healthy() },
            "error: stack `vigie-dev` is in state ROLLBACK_COMPLETE",
            "vigie deploy dev --recreate",
        ),
        Case {
            parameters: vec![ADDRESS, "MetricStreams=on", "RemoteWriteUrl=https://x"],
            ..case(
                "type missing in the region",
                Script { missing_type: "MetricStream", ..healthy() },
                "error: region eu-west-3 has no resource type AWS::CloudWatch::MetricStream",
                "set MetricStreams to off",
            )
        },
        Case {
            parameters: vec![ADDRESS, "ProberReservedConcurrency=50"],
            ..case(
                "reservation in a new account",
                Script { executions: 10, ..healthy() },
                "error: the parameters reserve 50 concurrent executions of 10",
                "raise the Lambda quota",
            )
        },
        case(
            "too few concurrent executions",
            Script { executions: 5, ..healthy() },
            "warning: prober and bridge may use 4 of 5 concurrent executions",
            "lower ProberMaximumConcurrency",
        ),
        case(
            "alarm quota",
            Script { other_alarms: 4_990, ..healthy() },
            "region eu-west-3 has 4990 others; the default quota is 5000",
            "raise the CloudWatch quota",
        ),
        Case {
            parameters: vec![ADDRESS, long],
            ..case(
                "environment of the function",
                healthy(),
                "error: ProbeVariables has 3502 bytes; expected at most 3000",
                "into the probe files",
            )
        },
        case(
            "unconfirmed address",
            Script {
                subscriptions: vec![
                    ("notifications", "a@example.com", false),
                    ("self-monitoring", "b@example.com", true),
                ],
                ..healthy()
            },
            "warning: `a@example.com` has not confirmed its subscription",
            "Confirming subscriptions",
        ),
        case(
            "deleted subscription",
            Script { subscriptions: vec![("notifications", "a@example.com", true)], ..healthy() },
            "warning: topic `vigie-dev-self-monitoring` has no subscriber",
            "subscribe an address",
        ),
        case(
            "service control policy",
            Script { denied: "DescribeParameters", ..healthy() },
            "error: a service control policy of the organization denies ssm:DescribeParameters",
            "ask the administrator",
        ),
        case(
            "missing secret",
            Script { secret: None, ..healthy() },
            "error: probe `bot` uses `secret:vigie/dev/bot`, which does not exist in region eu-west-3",
            "create it",
        ),
        case(
            "secret under another key",
            Script { secret: Some(r#"{"KmsKeyId":"alias/team"}"#), ..healthy() },
            "which key `alias/team` encrypts",
            "set SecretsKeyArn",
        ),
        Case {
            environment: "prod",
            parameters: Vec::new(),
            ..case(
                "nobody is notified",
                healthy(),
                "error: no address receives notifications",
                "set AlertEmail",
            )
        },
        Case {
            parameters: vec![ADDRESS, "KmsKeyArn=arn:aws:kms:us-east-1:123456789012:key/1"],
            ..case(
                "key of another region",
                healthy(),
                "error: `KmsKeyArn` is a key in region `us-east-1`",
                "use a key of the region",
            )
        },
    ];
    for Case { name, environment, script, parameters, expected, hint } in cases {
        let found = findings(script, environment, &parameters).await.unwrap();
        let named: Vec<_> = found.iter().filter(|finding| finding.contains(expected)).collect();
        let [finding] = named.as_slice() else { panic!("{name}: {found:?}") };
        assert!(finding.contains(hint), "{name}: {finding}");
    }
}
