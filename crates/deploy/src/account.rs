//! An AWS account: who calls, the stack of an environment, quotas, subscriptions.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use aws_call::{CallError, Client, xml_texts};
use aws_config::SdkConfig;

use crate::doctor::{Executions, Subscription};
use domain::chain;

/// CloudFormation waits up to an hour for resources such as functions in a VPC.
const DELETE_TIMEOUT: Duration = Duration::from_secs(3_600);
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// Why an account cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    #[error("no AWS region is configured\nhint: set `AWS_REGION`")]
    NoRegion,
    /// The cause is in the text, before the hint.
    #[error("{problem}: {cause}\nhint: {hint}")]
    Credentials { problem: &'static str, cause: String, hint: String },
    #[error("could not read the stack `{stack}`")]
    ReadStack { stack: String, source: CallError },
    #[error("could not delete the stack `{stack}`")]
    DeleteStack { stack: String, source: CallError },
    #[error(
        "stack `{stack}` was not deleted; it is in state {status}\n\
         hint: aws cloudformation describe-stack-events --stack-name {stack} --region {region}"
    )]
    NotDeleted { stack: String, status: String, region: String },
    #[error("could not change the termination protection of the stack `{stack}`")]
    Protect { stack: String, source: CallError },
    #[error("could not read the subscriptions")]
    Subscriptions { source: CallError },
}

/// The account and region of one set of credentials.
pub struct Account {
    client: Client,
    pub id: String,
    pub region: String,
    /// ARN of the user or role.
    caller: String,
}

impl Account {
    /// Asks STS who calls, so that missing credentials show before anything is built.
    pub async fn of(aws: &SdkConfig) -> Result<Self, AccountError> {
        let region = aws.region().ok_or(AccountError::NoRegion)?.to_string();
        let client = Client::new(aws);
        let identity = client.query("sts", "2011-06-15", "GetCallerIdentity", &[]).await;
        let identity = identity.map_err(|error| refusal(&error, &region))?;
        let text = |tag| xml_texts(&identity, tag).into_iter().next().unwrap_or_default();
        Ok(Self { client, id: text("Account"), region, caller: text("Arn") })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Such as `aws` or `aws-cn`, from the ARN of the caller.
    #[must_use]
    pub fn partition(&self) -> &str {
        self.caller.split(':').nth(1).filter(|partition| !partition.is_empty()).unwrap_or("aws")
    }

    /// The status of a stack; `None` if it does not exist.
    pub async fn stack_status(&self, stack: &str) -> Result<Option<String>, CallError> {
        let named = [("StackName", stack)];
        let found = self.client.query("cloudformation", "2010-05-15", "DescribeStacks", &named);
        match found.await {
            Ok(xml) => Ok(xml_texts(&xml, "StackStatus").into_iter().next()),
            Err(error) if error.to_string().contains("does not exist") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The parameters of a stack; none if it does not exist.
    pub async fn stack_parameters(
        &self,
        stack: &str,
    ) -> Result<BTreeMap<String, String>, CallError> {
        self.stack_pairs(stack, "Parameter").await
    }

    /// The outputs of a stack; none if it does not exist.
    pub async fn stack_outputs(&self, stack: &str) -> Result<BTreeMap<String, String>, CallError> {
        self.stack_pairs(stack, "Output").await
    }

    async fn stack_pairs(
        &self,
        stack: &str,
        of: &str,
    ) -> Result<BTreeMap<String, String>, CallError> {
        let named = [("StackName", stack)];
        let found = self.client.query("cloudformation", "2010-05-15", "DescribeStacks", &named);
        match found.await {
            Ok(xml) => Ok(pairs(&xml, of)),
            Err(error) if error.to_string().contains("does not exist") => Ok(BTreeMap::new()),
            Err(error) => Err(error),
        }
    }

    /// Deletes a stack, if there is one, and waits until it is deleted.
    pub async fn delete_stack(&self, stack: &str) -> Result<(), AccountError> {
        let named = [("StackName", stack)];
        let delete = self.client.query("cloudformation", "2010-05-15", "DeleteStack", &named);
        let stack = || stack.to_owned();
        delete.await.map_err(|source| AccountError::DeleteStack { stack: stack(), source })?;
        let started = Instant::now();
        while let Some(status) = self.existing_stack(&stack()).await? {
            if status == "DELETE_COMPLETE" {
                break;
            }
            if status == "DELETE_FAILED" || DELETE_TIMEOUT < started.elapsed() {
                let region = self.region.clone();
                return Err(AccountError::NotDeleted { stack: stack(), status, region });
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// Like [`Account::stack_status`], with the stack in the error.
    pub(crate) async fn existing_stack(&self, stack: &str) -> Result<Option<String>, AccountError> {
        let failed = |source| AccountError::ReadStack { stack: stack.to_owned(), source };
        self.stack_status(stack).await.map_err(failed)
    }

    /// Turns termination protection of a stack on or off.
    pub async fn protect(&self, stack: &str, on: bool) -> Result<(), AccountError> {
        let on = if on { "true" } else { "false" };
        let input = [("StackName", stack), ("EnableTerminationProtection", on)];
        let action = "UpdateTerminationProtection";
        let done = self.client.query("cloudformation", "2010-05-15", action, &input).await;
        let failed = |source| AccountError::Protect { stack: stack.to_owned(), source };
        done.map(drop).map_err(failed)
    }

    /// The quota of concurrent executions.
    pub async fn executions(&self) -> Result<Executions, CallError> {
        let path = "/2016-08-19/account-settings/";
        let answer = self.client.rest("lambda", reqwest::Method::GET, path, Vec::new()).await?;
        let json = |source| CallError::Json { service: "lambda".to_owned(), source };
        let Settings { account_limit } = serde_json::from_slice(&answer.body).map_err(json)?;
        Ok(Executions {
            quota: account_limit.concurrent_executions,
            unreserved: account_limit.unreserved_concurrent_executions,
        })
    }

    /// The subscriptions of the topics whose names begin with `prefix`, without those of queues.
    pub async fn subscriptions(&self, prefix: &str) -> Result<Vec<Subscription>, CallError> {
        let mut found = Vec::new();
        let mut token = String::new();
        loop {
            let next = [("NextToken", token.as_str())];
            let parameters = if token.is_empty() { &[][..] } else { &next };
            let page = self.client.query("sns", "2010-03-31", "ListSubscriptions", parameters);
            let page = page.await?;
            found.extend(subscriptions(&page, prefix));
            match xml_texts(&page, "NextToken").into_iter().next() {
                Some(next) if !next.is_empty() => token = next,
                _ => break,
            }
        }
        Ok(found)
    }

    /// E-mail addresses of an environment's topics that have not confirmed their subscription.
    pub async fn unconfirmed(&self, environment: &str) -> Result<Vec<String>, AccountError> {
        let found = self.subscriptions(&format!("vigie-{environment}-")).await;
        let found = found.map_err(|source| AccountError::Subscriptions { source })?;
        let pending = found.into_iter().filter(|one| !one.confirmed);
        let mut addresses: Vec<String> = pending.map(|one| one.endpoint).collect();
        addresses.sort();
        addresses.dedup();
        Ok(addresses)
    }
}

impl std::fmt::Display for Account {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "account {} in {} as {}", self.id, self.region, self.caller)
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Settings {
    account_limit: AccountLimit,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AccountLimit {
    concurrent_executions: u32,
    unreserved_concurrent_executions: u32,
}

/// The error of STS with what the caller can do about it.
fn refusal(error: &CallError, region: &str) -> AccountError {
    let (problem, hint) = match (error, error.code()) {
        (CallError::Http { .. }, _) => (
            "AWS could not be reached",
            format!("check the network, and that `{region}` is the name of a region"),
        ),
        (_, Some("ExpiredToken" | "ExpiredTokenException")) => (
            "the session has expired",
            "log in again, such as with `aws sso login` or `aws login`".to_owned(),
        ),
        (_, Some("InvalidClientTokenId" | "UnrecognizedClientException")) => (
            "AWS does not accept the credentials",
            format!("check the access key, and that region {region} is enabled in the account"),
        ),
        (_, Some(_)) => (
            "AWS does not accept the credentials",
            "check the access key, or name another profile with AWS_PROFILE".to_owned(),
        ),
        (_, None) => (
            "there are no AWS credentials",
            "log in, such as with `aws sso login`, or name a profile with AWS_PROFILE".to_owned(),
        ),
    };
    AccountError::Credentials { problem, cause: chain(error), hint }
}

/// The subscriptions on one page. The queue of the stack itself is not a recipient.
fn subscriptions(page: &str, prefix: &str) -> Vec<Subscription> {
    let members = page.split("<member>").skip(1);
    let subscription = |member: &str| {
        let text = |tag| xml_texts(member, tag).into_iter().next().unwrap_or_default();
        let topic = text("TopicArn").rsplit(':').next().unwrap_or_default().to_owned();
        let is_of_stack = topic.starts_with(prefix) && topic != format!("{prefix}alarms");
        let confirmed = text("SubscriptionArn") != "PendingConfirmation";
        is_of_stack.then(|| Subscription { topic, endpoint: text("Endpoint"), confirmed })
    };
    members.filter_map(subscription).collect()
}

/// The names and values of the parameters or outputs of a stack. A value may be an empty element.
fn pairs(xml: &str, of: &str) -> BTreeMap<String, String> {
    let (key, value) = (format!("{of}Key"), format!("{of}Value"));
    let members = xml.split("<member>").filter(|member| member.contains(&format!("<{key}>")));
    let text = |member: &str, tag: &str| xml_texts(member, tag).into_iter().next();
    members
        .filter_map(|member| Some((text(member, &key)?, text(member, &value).unwrap_or_default())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_parameter_does_not_shift_the_others() {
        let member = |name: &str, value: &str| {
            format!("<member><ParameterKey>{name}</ParameterKey>{value}</member>")
        };
        let xml = [
            "<Parameters>",
            &member("Location", "<ParameterValue/>"),
            &member("Locations", "<ParameterValue>a,b</ParameterValue>"),
            "</Parameters><Outputs>",
            "<member><OutputKey>Url</OutputKey><OutputValue>http://q</OutputValue></member>",
        ];
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let xml = xml.concat();
        let expected = BTreeMap::from([own("Location", ""), own("Locations", "a,b")]);
        assert_eq!(pairs(&xml, "Parameter"), expected);
        assert_eq!(pairs(&xml, "Output"), BTreeMap::from([own("Url", "http://q")]));
    }

    #[test]
    fn subscriptions_of_one_environment_are_found() {
        let member = |topic: &str, arn: &str, endpoint: &str| {
            format!(
                "<member><TopicArn>arn:aws:sns:eu-west-3:1:{topic}</TopicArn>\
                 <SubscriptionArn>{arn}</SubscriptionArn><Endpoint>{endpoint}</Endpoint></member>"
            )
        };
        let page = [
            member("vigie-dev-alarms", "arn:aws:sns:eu-west-3:1:x:1", "arn:aws:sqs:x"),
            member("vigie-dev-notifications", "PendingConfirmation", "a@example.com"),
            member("vigie-dev-notifications", "arn:aws:sns:eu-west-3:1:x:2", "b@example.com"),
            member("vigie-prod-notifications", "PendingConfirmation", "c@example.com"),
        ];
        let found = subscriptions(&page.concat(), "vigie-dev-");
        let found: Vec<_> =
            found.iter().map(|one| (one.endpoint.as_str(), one.confirmed)).collect();
        assert_eq!(found, [("a@example.com", false), ("b@example.com", true)]);
    }
}
