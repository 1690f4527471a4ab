//! Reads from AWS what the doctor examines. A read that is denied or fails becomes a finding, not an error.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use aws_call::{CallError, xml_texts};
use domain::{EnvironmentName, SecretReference};
use futures_util::future::join_all;
use serde_json::json;

use crate::account::{Account, AccountError};
use crate::doctor::{Alarms, BRIDGE, Facts, Secret, SecretState, Subscription, Unread};
use crate::error::FileError;
use crate::parameters::{self, Parameters, ParametersError};

/// Pages of 100 that are read at most: twice the default quota of alarms.
const PAGES: usize = 100;

/// Why the facts about an environment could not be collected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FactsError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    #[error(transparent)]
    Account(#[from] AccountError),
}

/// Secrets of the probes and who uses them.
pub type UsedSecrets = Vec<(SecretReference, String)>;

/// The facts about an environment that is to be deployed with `values` over those of samconfig.toml.
pub async fn collect(
    root: &Path,
    account: &Account,
    environment: &EnvironmentName,
    values: &Parameters,
    mut used: UsedSecrets,
) -> Result<Facts, FactsError> {
    let template = root.join("infra/template.yaml");
    let template = fs::read_to_string(&template).map_err(FileError::reading(&template))?;
    let mut all = parameters::of_samconfig(root, environment.as_str())?;
    all.extend(values.clone());
    let parameters = parameters::complete(&template, &all)?;
    let bridge_secret = parameters["RemoteWriteAuth"].clone();
    if !["none", "sigv4"].contains(&bridge_secret.as_str()) && is_set(&parameters, "RemoteWriteUrl")
    {
        let reference = SecretReference::SecretsManager { id: bridge_secret, key: None };
        used.push((reference, BRIDGE.to_owned()));
    }
    let stacks = stacks(root, &parameters)?;
    let mut reader = Reader { account, unread: Vec::new() };
    let stack = format!("vigie-{environment}");
    let stack_status = reader.stack_status(&stack).await?;
    let executions = account.executions().await;
    let executions = reader.keep("lambda:GetAccountSettings", executions);
    let others = reader.other_alarms(&format!("{stack}-")).await;
    let alarm = "Type: AWS::CloudWatch::Alarm";
    let planned = stacks.lines().filter(|line| line.trim() == alarm).count();
    let missing_types = reader.missing_types(&types(&stacks, &parameters)).await;
    let subscriptions = match stack_status {
        Some(_) => reader.subscriptions(&format!("{stack}-")).await,
        None => Vec::new(),
    };
    let mut secrets = Vec::new();
    for (reference, used_by) in used {
        secrets.push(reader.secret(&reference, used_by).await);
    }
    Ok(Facts {
        environment: environment.to_string(),
        region: account.region.clone(),
        partition: account.partition().to_owned(),
        stack_status,
        executions,
        alarms: others.map(|others| Alarms { others, planned }),
        missing_types,
        subscriptions,
        secrets,
        unread: reader.unread,
        parameters,
        now: jiff::Timestamp::now(),
    })
}

/// The text of the templates that are deployed with these parameters.
fn stacks(root: &Path, parameters: &Parameters) -> Result<String, FileError> {
    let with_probes = parameters.get("ProbeAlarms").is_none_or(|value| value == "on");
    let infra = root.join("infra");
    let entries = fs::read_dir(&infra).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut files: Vec<_> = entries
        .map_err(FileError::reading(&infra))?
        .into_iter()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    let mut text = String::new();
    for file in files {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
        if with_probes || !name.is_some_and(|name| name.starts_with("alarms")) {
            text += &fs::read_to_string(&file).map_err(FileError::reading(&file))?;
        }
    }
    Ok(text)
}

/// The resource types of the templates, without those that the parameters turn off.
fn types(stacks: &str, parameters: &Parameters) -> BTreeSet<String> {
    let is_stream = parameters.get("MetricStreams").is_some_and(|value| value == "on")
        && is_set(parameters, "RemoteWriteUrl");
    let is_public = parameters.get("StatusPage").is_some_and(|value| value == "public");
    let is_muted = is_set(parameters, "MaintenanceSchedule");
    let types = stacks.lines().filter_map(|line| line.trim().strip_prefix("Type: AWS::"));
    types
        .filter(|kind| match *kind {
            "CloudWatch::MetricStream" | "KinesisFirehose::DeliveryStream" => is_stream,
            "CloudWatch::AlarmMuteRule" => is_muted,
            kind if kind.starts_with("CloudFront::") => is_public,
            _ => true,
        })
        .map(|kind| match kind {
            "Serverless::Application" => "AWS::CloudFormation::Stack".to_owned(),
            _ => format!("AWS::{}", kind.replace("Serverless::", "Lambda::")),
        })
        .collect()
}

fn is_set(parameters: &Parameters, name: &str) -> bool {
    parameters.get(name).is_some_and(|value| !value.is_empty())
}

/// Reads from the account and collects the failures.
struct Reader<'a> {
    account: &'a Account,
    unread: Vec<Unread>,
}

impl Reader<'_> {
    /// The result of a read, or `None` after a failure.
    fn keep<T>(&mut self, action: &str, result: Result<T, CallError>) -> Option<T> {
        let error = match result {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        if !is_unsupported(&error) && !self.unread.iter().any(|unread| unread.action == action) {
            let message = match &error {
                CallError::Refused { message, .. } => message.clone(),
                other => other.to_string(),
            };
            self.unread.push(Unread {
                action: action.to_owned(),
                message,
                denied: is_denied(&error),
            });
        }
        None
    }

    async fn stack_status(&mut self, stack: &str) -> Result<Option<String>, AccountError> {
        match self.account.stack_status(stack).await {
            Ok(status) => Ok(status),
            Err(error) if is_denied(&error) => Ok(self
                .keep::<()>("cloudformation:DescribeStacks", Err(error))
                .map(|()| String::new())),
            Err(source) => Err(AccountError::ReadStack { stack: stack.to_owned(), source }),
        }
    }

    /// The number of alarms whose names do not begin with `prefix`.
    async fn other_alarms(&mut self, prefix: &str) -> Option<usize> {
        let mut others = 0;
        let mut token = String::new();
        for _ in 0..PAGES {
            let mut input = vec![("MaxRecords", "100")];
            if !token.is_empty() {
                input.push(("NextToken", &token));
            }
            let client = self.account.client();
            let page = client.query("monitoring", "2010-08-01", "DescribeAlarms", &input).await;
            let page = self.keep("cloudwatch:DescribeAlarms", page)?;
            let names = xml_texts(&page, "AlarmName");
            others += names.iter().filter(|name| !name.starts_with(prefix)).count();
            match xml_texts(&page, "NextToken").into_iter().next() {
                Some(next) if !next.is_empty() => token = next,
                _ => break,
            }
        }
        Some(others)
    }

    /// The types that CloudFormation does not know in this region.
    async fn missing_types(&mut self, types: &BTreeSet<String>) -> Vec<String> {
        let client = self.account.client();
        let describe = async |kind: &str| {
            let input = [("Type", "RESOURCE"), ("TypeName", kind)];
            client.query("cloudformation", "2010-05-15", "DescribeType", &input).await
        };
        let answers = join_all(types.iter().map(|kind| describe(kind))).await;
        let mut missing = Vec::new();
        for (kind, answer) in types.iter().zip(answers) {
            match answer {
                Err(error) if error.code() == Some("TypeNotFoundException") => {
                    missing.push(kind.clone());
                }
                answer => {
                    self.keep("cloudformation:DescribeType", answer);
                }
            }
        }
        missing
    }

    /// The subscriptions of the topics whose names begin with `prefix`.
    async fn subscriptions(&mut self, prefix: &str) -> Vec<Subscription> {
        let found = self.account.subscriptions(prefix).await;
        self.keep("sns:ListSubscriptions", found).unwrap_or_default()
    }

    async fn secret(&mut self, reference: &SecretReference, used_by: String) -> Secret {
        let (shown, name, state) = match reference {
            SecretReference::SecretsManager { id, .. } => {
                (format!("secret:{id}"), name_of(id), self.secret_state(id).await)
            }
            SecretReference::ParameterStore(path) => {
                (format!("ssm:{path}"), path.clone(), self.parameter_state(path).await)
            }
        };
        Secret { reference: shown, name, used_by, state }
    }

    async fn secret_state(&mut self, id: &str) -> SecretState {
        let client = self.account.client();
        let input = json!({ "SecretId": id });
        match client.json("secretsmanager", "secretsmanager.DescribeSecret", &input).await {
            Ok(found) if !found["DeletedDate"].is_null() => SecretState::Deleted,
            Ok(found) => {
                SecretState::Exists { key: customer_key(&found["KmsKeyId"], "aws/secretsmanager") }
            }
            Err(error) if error.code() == Some("ResourceNotFoundException") => SecretState::Missing,
            Err(error) => {
                self.keep::<()>("secretsmanager:DescribeSecret", Err(error));
                SecretState::Unknown
            }
        }
    }

    async fn parameter_state(&mut self, path: &str) -> SecretState {
        let client = self.account.client();
        let filter = json!({ "Key": "Name", "Option": "Equals", "Values": [path] });
        let input = json!({ "ParameterFilters": [filter] });
        let found = client.json("ssm", "AmazonSSM.DescribeParameters", &input).await;
        match self.keep("ssm:DescribeParameters", found) {
            None => SecretState::Unknown,
            Some(found) => match found["Parameters"].get(0) {
                None => SecretState::Missing,
                Some(found) => {
                    SecretState::Exists { key: customer_key(&found["KeyId"], "aws/ssm") }
                }
            },
        }
    }
}

/// The key of a secret unless it is the one that AWS manages.
fn customer_key(key: &serde_json::Value, managed: &str) -> Option<String> {
    let key = key.as_str().filter(|key| !key.is_empty() && !key.ends_with(managed))?;
    Some(key.to_owned())
}

/// The name in the ARN of a secret, without the six characters that Secrets Manager appends.
fn name_of(id: &str) -> String {
    let Some((_, name)) = id.split_once(":secret:") else { return id.to_owned() };
    let base = name.rsplit_once('-').filter(|(_, suffix)| suffix.len() == 6);
    base.map_or(name, |(base, _)| base).to_owned()
}

fn is_denied(error: &CallError) -> bool {
    let codes =
        ["AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"];
    error.code().is_some_and(|code| codes.contains(&code))
}

/// An emulator does not know every operation.
fn is_unsupported(error: &CallError) -> bool {
    let codes = ["InvalidAction", "UnknownOperationException", "UnsupportedOperation"];
    error.code().is_some_and(|code| codes.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::of_pairs;

    #[test]
    fn types_follow_the_parameters() {
        let stacks = "    Type: AWS::Serverless::Function\n    Type: AWS::CloudWatch::MetricStream\n    \
                      Type: AWS::CloudWatch::AlarmMuteRule\n    Type: AWS::CloudFront::Distribution\n    Type: String\n    Type: AWS::SQS::Queue\n";
        let cases: [(&[&str], &[&str]); 4] = [
            (&["StatusPage=internal"], &["AWS::Lambda::Function", "AWS::SQS::Queue"]),
            (
                &["StatusPage=public"],
                &["AWS::CloudFront::Distribution", "AWS::Lambda::Function", "AWS::SQS::Queue"],
            ),
            (
                &["MetricStreams=on", "RemoteWriteUrl=https://x"],
                &["AWS::CloudWatch::MetricStream", "AWS::Lambda::Function", "AWS::SQS::Queue"],
            ),
            (
                &["MetricStreams=on", "MaintenanceSchedule=cron(0 2 * * SUN)"],
                &["AWS::CloudWatch::AlarmMuteRule", "AWS::Lambda::Function", "AWS::SQS::Queue"],
            ),
        ];
        for (given, expected) in cases {
            let found = types(stacks, &of_pairs(given.iter().copied()).unwrap());
            assert_eq!(found.into_iter().collect::<Vec<_>>(), expected, "{given:?}");
        }
    }

    #[test]
    fn name_is_read_from_an_arn() {
        let arn = "arn:aws:secretsmanager:eu-west-3:123456789012:secret:vigie/dev/bot-AbCdEf";
        assert_eq!(name_of(arn), "vigie/dev/bot");
        assert_eq!(name_of("vigie/dev/bot"), "vigie/dev/bot");
    }
}
