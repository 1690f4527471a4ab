//! Reads an AWS account: who calls, the stack of an environment, quotas, subscriptions.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use aws_call::{Client, xml_texts};
use aws_config::SdkConfig;

use crate::doctor::Executions;

/// CloudFormation waits up to an hour for resources such as functions in a VPC.
const DELETE_TIMEOUT: Duration = Duration::from_secs(3_600);

/// Reads the account and region of one set of credentials.
pub struct Account {
    client: Client,
    pub id: String,
    pub region: String,
    caller: String,
}

impl Account {
    /// Asks STS who calls, so that missing credentials show before anything is built.
    pub async fn of(aws: &SdkConfig) -> anyhow::Result<Self> {
        let region = aws.region().context("no AWS region\nhint: set AWS_REGION")?.to_string();
        let client = Client::new(aws);
        let identity = client.query("sts", "2011-06-15", "GetCallerIdentity", &[]).await.context(
            "AWS does not accept the credentials\n\
             hint: log in again, or name another profile with AWS_PROFILE",
        )?;
        let text = |tag| xml_texts(&identity, tag).into_iter().next().unwrap_or_default();
        Ok(Self { client, id: text("Account"), region, caller: text("Arn") })
    }

    /// The status of a stack; `None` if it does not exist.
    pub async fn stack_status(&self, stack: &str) -> anyhow::Result<Option<String>> {
        let named = [("StackName", stack)];
        let found = self.client.query("cloudformation", "2010-05-15", "DescribeStacks", &named);
        match found.await {
            Ok(xml) => Ok(xml_texts(&xml, "StackStatus").into_iter().next()),
            Err(error) if error.to_string().contains("does not exist") => Ok(None),
            Err(error) => Err(error).context("reading the stack"),
        }
    }

    /// Deletes a stack, if there is one, and waits until it is deleted.
    pub async fn delete_stack(&self, stack: &str) -> anyhow::Result<()> {
        let named = [("StackName", stack)];
        self.client.query("cloudformation", "2010-05-15", "DeleteStack", &named).await?;
        let started = Instant::now();
        while let Some(status) = self.stack_status(stack).await? {
            if status == "DELETE_COMPLETE" {
                break;
            }
            if status == "DELETE_FAILED" || DELETE_TIMEOUT < started.elapsed() {
                bail!(
                    "stack `{stack}` was not deleted; it is in state {status}\n\
                     hint: aws cloudformation describe-stack-events --stack-name {stack} --region {}",
                    self.region
                );
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        Ok(())
    }

    /// The quota of concurrent executions.
    pub async fn executions(&self) -> anyhow::Result<Executions> {
        let path = "/2016-08-19/account-settings/";
        let answer = self.client.rest("lambda", reqwest::Method::GET, path, Vec::new()).await?;
        let settings: serde_json::Value = serde_json::from_slice(&answer.body)?;
        let number = |name: &str| {
            let number = settings["AccountLimit"][name].as_u64();
            number.and_then(|number| u32::try_from(number).ok()).context(name.to_owned())
        };
        Ok(Executions {
            quota: number("ConcurrentExecutions")?,
            unreserved: number("UnreservedConcurrentExecutions")?,
        })
    }

    /// E-mail addresses of an environment's topics that have not confirmed their subscription.
    pub async fn unconfirmed(&self, environment: &str) -> anyhow::Result<Vec<String>> {
        let mut addresses = Vec::new();
        let mut token = String::new();
        loop {
            let next = [("NextToken", token.as_str())];
            let parameters = if token.is_empty() { &[][..] } else { &next };
            let page = self.client.query("sns", "2010-03-31", "ListSubscriptions", parameters);
            let page = page.await.context("reading the subscriptions")?;
            addresses.extend(pending(&page, &format!("vigie-{environment}-")));
            match xml_texts(&page, "NextToken").into_iter().next() {
                Some(next) if !next.is_empty() => token = next,
                _ => break,
            }
        }
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

/// The endpoints of one page of subscriptions that are pending on topics with this prefix.
fn pending(page: &str, prefix: &str) -> Vec<String> {
    let members = page.split("<member>").skip(1);
    let pending = members.filter(|member| {
        let topic = xml_texts(member, "TopicArn").into_iter().next().unwrap_or_default();
        let arn = xml_texts(member, "SubscriptionArn").into_iter().next().unwrap_or_default();
        arn == "PendingConfirmation"
            && topic.rsplit(':').next().is_some_and(|name| name.starts_with(prefix))
    });
    pending.filter_map(|member| xml_texts(member, "Endpoint").into_iter().next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pending_subscriptions_of_one_environment_are_found() {
        let member = |topic: &str, arn: &str, endpoint: &str| {
            format!(
                "<member><TopicArn>arn:aws:sns:eu-west-3:1:{topic}</TopicArn>\
                 <SubscriptionArn>{arn}</SubscriptionArn><Endpoint>{endpoint}</Endpoint></member>"
            )
        };
        let page = [
            member("vigie-dev-notifications", "PendingConfirmation", "a@example.com"),
            member("vigie-dev-notifications", "arn:aws:sns:eu-west-3:1:x:2", "b@example.com"),
            member("vigie-prod-notifications", "PendingConfirmation", "c@example.com"),
        ];
        assert_eq!(pending(&page.concat(), "vigie-dev-"), ["a@example.com"]);
    }
}
