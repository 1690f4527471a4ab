//! `make remove ENV=dev`: the stack, and what a stack leaves behind.
//!
//! Not by `sam delete`: it leaves the reports and the mute rules, and on an emulator it can't read where
//! the nested stack's template lies.

use anyhow::{Context, bail};
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use domain::EnvironmentName;
use tokio::process::Command;

use crate::checkout::Checkout;
use crate::progress::Progress;
use crate::python::AWS_CLI;

/// Where SAM puts what it packages, one bucket for each region, shared by all stacks; the prefix in it is
/// the stack's, by samconfig.toml.
const ARTIFACTS: &str = "aws-sam-cli-managed-default-samclisourcebucket-";

/// Deletes the stack `vigie-ENV` of this account and region, the reports that outlive it, the packages
/// that it was deployed from, and the mute rules that `vigie mute` has made.
pub async fn remove(
    checkout: &Checkout<'_>,
    environment: &EnvironmentName,
    progress: &Progress,
) -> anyhow::Result<()> {
    let stack = format!("vigie-{environment}");
    let aws = aws_config::load_from_env().await;
    let region = aws.region().context("no region\nhint: set AWS_REGION")?.to_string();
    let on_emulator = aws.endpoint_url().is_some();
    // Path style: an emulator has no name for each bucket.
    let s3 = aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::config::Builder::from(&aws).force_path_style(on_emulator).build(),
    );
    // A removal that broke off goes on where it stopped, so the bucket alone is enough.
    let reports = buckets(&s3, &format!("{stack}-reportbucket-"), &region).await?;
    let cloudformation = CloudFormation { checkout, region: &region, stack: &stack };
    if !cloudformation.is_there().await? && reports.is_empty() {
        bail!(
            "there is no stack `{stack}` in {region}\n\
             hint: is it the right account and region? AWS_REGION says which, ENV which environment"
        );
    }

    let work = async {
        cloudformation.delete().await?;
        Ok(((), format!("{stack} in {region}")))
    };
    progress.step("delete the stack", work).await?;

    let work = async {
        for bucket in &reports {
            empty(&s3, bucket, "").await.with_context(|| format!("emptying `{bucket}`"))?;
            s3.delete_bucket().bucket(bucket).send().await.with_context(|| bucket.clone())?;
        }
        Ok(((), if reports.is_empty() { "none".to_owned() } else { reports.join(", ") }))
    };
    progress.step("delete its reports", work).await?;

    let work = async {
        let mut count = 0;
        for bucket in buckets(&s3, ARTIFACTS, &region).await? {
            let prefix = format!("{stack}/");
            count += empty(&s3, &bucket, &prefix).await.with_context(|| format!("`{bucket}`"))?;
        }
        Ok(((), count))
    };
    progress.step("delete its packages", work).await?;

    let work = async {
        let count = if on_emulator {
            // Emulators have no mute rules.
            0
        } else {
            unmute(&aws_sdk_cloudwatch::Client::new(&aws), &stack).await?
        };
        Ok(((), count))
    };
    progress.step("delete its mute rules", work).await
}

struct CloudFormation<'a> {
    checkout: &'a Checkout<'a>,
    region: &'a str,
    stack: &'a str,
}

impl CloudFormation<'_> {
    async fn is_there(&self) -> anyhow::Result<bool> {
        let output = self.aws(&["describe-stacks"]).output().await.context("`aws`")?;
        let error = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() && !error.contains("does not exist") {
            bail!("`aws cloudformation describe-stacks` failed: {}", error.trim());
        }
        Ok(output.status.success())
    }

    fn aws(&self, action: &[&str]) -> Command {
        let mut aws = Command::new(AWS_CLI.program(self.checkout.root, "aws"));
        aws.arg("cloudformation").args(action);
        aws.args(["--stack-name", self.stack, "--region", self.region]);
        aws
    }

    /// Also when there is nothing to delete.
    async fn delete(&self) -> anyhow::Result<()> {
        let processes = self.checkout.processes;
        processes.run("delete-stack", &mut self.aws(&["delete-stack"])).await?;
        let mut wait = self.aws(&["wait", "stack-delete-complete"]);
        processes.run("delete-stack", &mut wait).await.with_context(|| {
            format!(
                "`{0}` was not deleted\n\
                 hint: aws cloudformation describe-stack-events --stack-name {0} --region {1}",
                self.stack, self.region
            )
        })
    }
}

/// The names of this account's buckets in `region` that begin with `prefix`.
///
/// The same environment in another region has a bucket of the same beginning.
async fn buckets(
    s3: &aws_sdk_s3::Client,
    prefix: &str,
    region: &str,
) -> anyhow::Result<Vec<String>> {
    let mut pages = s3.list_buckets().prefix(prefix).bucket_region(region).into_paginator().send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.context("listing the buckets")?;
        names.extend(page.buckets().iter().filter_map(|bucket| bucket.name()).map(str::to_owned));
    }
    // For an emulator that does not know the filter.
    names.retain(|name| name.starts_with(prefix));
    Ok(names)
}

/// Deletes every version of every object below `prefix`; returns how many that were.
async fn empty(s3: &aws_sdk_s3::Client, bucket: &str, prefix: &str) -> anyhow::Result<usize> {
    let mut count = 0;
    loop {
        // What was deleted is no longer listed: the first page is always the next one.
        let page = s3.list_object_versions().bucket(bucket).prefix(prefix).send().await?;
        let versions = page.versions().iter().map(|each| (each.key(), each.version_id()));
        let markers = page.delete_markers().iter().map(|each| (each.key(), each.version_id()));
        let objects: Vec<_> = versions
            .chain(markers)
            .filter_map(|(key, version)| Some((key?, version)))
            .map(|(key, version)| {
                ObjectIdentifier::builder()
                    .key(key)
                    .set_version_id(version.map(str::to_owned))
                    .build()
            })
            .collect::<Result<_, _>>()?;
        if objects.is_empty() {
            return Ok(count);
        }
        count += objects.len();
        let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build()?;
        let deleted = s3.delete_objects().bucket(bucket).delete(delete).send().await?;
        if let Some(kept) = deleted.errors().first() {
            bail!("`{}`: {}", kept.key().unwrap_or("?"), kept.message().unwrap_or("?"));
        }
    }
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
