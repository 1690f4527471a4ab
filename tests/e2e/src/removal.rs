//! `make remove ENV=dev`: the stack, and what a stack leaves behind on purpose.

use anyhow::Context;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use crate::deploy::Checkout;
use crate::progress::Progress;

/// Deletes the stack `vigie-ENV`, the buckets that outlive it with all that is in them, and the mute
/// rules that `vigie mute` has made.
pub async fn remove(
    checkout: &Checkout<'_>,
    environment: &str,
    progress: &Progress,
) -> anyhow::Result<()> {
    let stack = format!("vigie-{environment}");
    let aws = aws_config::load_from_env().await;
    // Path style: an emulator has no name for each bucket.
    let path_style = aws.endpoint_url().is_some();
    let s3 = aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::config::Builder::from(&aws).force_path_style(path_style).build(),
    );
    let work = async {
        let mut sam = checkout.tool("sam");
        sam.args(["delete", "--no-prompts", "--stack-name", &stack]);
        let region = aws.region().context("no region\nhint: set AWS_REGION")?;
        sam.args(["--region", region.as_ref()]);
        checkout.processes.show("sam-delete", &mut sam).await?;
        Ok(((), stack.clone()))
    };
    progress.step("delete the stack", work).await?;

    let work = async {
        let mut removed = Vec::new();
        for bucket in buckets_of(&s3, &stack).await? {
            empty(&s3, &bucket).await.with_context(|| format!("emptying `{bucket}`"))?;
            s3.delete_bucket().bucket(&bucket).send().await.with_context(|| bucket.clone())?;
            removed.push(bucket);
        }
        Ok(((), if removed.is_empty() { "none".to_owned() } else { removed.join(", ") }))
    };
    progress.step("delete its buckets", work).await?;

    let work = async {
        let count = if aws.endpoint_url().is_some() {
            // Emulators have no mute rules.
            0
        } else {
            unmute(&aws_sdk_cloudwatch::Client::new(&aws), &stack).await?
        };
        Ok(((), count))
    };
    progress.step("delete its mute rules", work).await
}

/// CloudFormation names a bucket `STACK-LOGICALID-RANDOM`, in lower case.
async fn buckets_of(s3: &aws_sdk_s3::Client, stack: &str) -> anyhow::Result<Vec<String>> {
    let listed = s3.list_buckets().send().await.context("listing the buckets")?;
    let names = listed.buckets().iter().filter_map(|bucket| bucket.name());
    Ok(names.filter(|name| is_of(name, stack)).map(str::to_owned).collect())
}

fn is_of(bucket: &str, stack: &str) -> bool {
    let rest = bucket.strip_prefix(stack).and_then(|rest| rest.strip_prefix('-'));
    rest.is_some_and(|rest| rest.starts_with("reportbucket"))
}

async fn empty(s3: &aws_sdk_s3::Client, bucket: &str) -> anyhow::Result<()> {
    let mut pages = s3.list_objects_v2().bucket(bucket).into_paginator().send();
    while let Some(page) = pages.next().await {
        let keys = page?;
        let named = keys.contents().iter().filter_map(|object| object.key());
        let objects: Vec<_> = named
            .map(|key| ObjectIdentifier::builder().key(key).build())
            .collect::<Result<_, _>>()?;
        if objects.is_empty() {
            continue;
        }
        let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build()?;
        let deleted = s3.delete_objects().bucket(bucket).delete(delete).send().await?;
        if let Some(kept) = deleted.errors().first() {
            anyhow::bail!("`{}`: {}", kept.key().unwrap_or("?"), kept.message().unwrap_or("?"));
        }
    }
    Ok(())
}

async fn unmute(cloudwatch: &aws_sdk_cloudwatch::Client, stack: &str) -> anyhow::Result<usize> {
    let mut rules = cloudwatch.list_alarm_mute_rules().into_paginator().items().send();
    let mut count = 0;
    while let Some(rule) = rules.next().await {
        let rule = rule.context("listing the mute rules")?;
        // arn:PARTITION:cloudwatch:REGION:ACCOUNT:alarm-mute-rule:NAME
        let name = rule.alarm_mute_rule_arn().and_then(|arn| arn.rsplit(':').next());
        let ours = |name: &&str| name.starts_with(&format!("{stack}-")) && name.ends_with("-mute");
        if let Some(name) = name.filter(ours) {
            cloudwatch
                .delete_alarm_mute_rule()
                .alarm_mute_rule_name(name)
                .send()
                .await
                .with_context(|| name.to_owned())?;
            count += 1;
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_buckets_of_that_very_stack_are_taken_away() {
        assert!(is_of("vigie-dev-reportbucket-1a2b3c", "vigie-dev"));
        assert!(!is_of("vigie-dev-artifacts", "vigie-dev"));
        assert!(!is_of("vigie-dev2-reportbucket-1a2b3c", "vigie-dev"));
        assert!(!is_of("aws-sam-cli-managed-default-samclisourcebucket", "vigie-dev"));
    }
}
