//! Deletes an environment: its stack, reports, packages and mute rules.
//!
//! `sam delete` leaves the reports and the mute rules, and fails on an emulator when it looks for the
//! template of a nested stack.

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::Client as CloudWatch;
use aws_sdk_s3::error::BuildError;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use domain::EnvironmentName;

use crate::account::{Account, AccountError};
use crate::error::AnyError;
use crate::locations::{self, LocationStack, LocationsError};
use crate::progress::{Progress, StepError};

/// Prefix of the bucket in which SAM stores packages. A region has one for all stacks; `s3_prefix` in samconfig.toml is
/// the folder of a stack.
const ARTIFACTS: &str = "aws-sam-cli-managed-default-samclisourcebucket-";

/// Why an environment was not deleted completely. The removal can be repeated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemovalError {
    #[error(transparent)]
    Account(#[from] AccountError),
    #[error(transparent)]
    Locations(#[from] LocationsError),
    #[error(transparent)]
    Step(#[from] StepError),
    #[error(
        "there is no stack `{stack}` in account {account} and region {region}\n\
         hint: AWS_PROFILE and AWS_REGION select account and region"
    )]
    NoStack { stack: String, account: String, region: String },
    #[error("could not list the buckets")]
    Buckets { source: AnyError },
    #[error("could not empty the bucket `{bucket}`")]
    Empty { bucket: String, source: AnyError },
    #[error("could not delete `{key}`: {message}")]
    Object { key: String, message: String },
    #[error("could not delete the bucket `{bucket}`")]
    DeleteBucket { bucket: String, source: AnyError },
    #[error("could not list the mute rules")]
    MuteRules { source: AnyError },
    #[error("could not delete the mute rule `{name}`")]
    MuteRule { name: String, source: AnyError },
}

/// Deletes the stack `vigie-ENV` of this account and region, its packages, the mute rules of
/// `vigie mute` and, unless `keep_reports`, the reports.
pub async fn remove(
    aws: &SdkConfig,
    environment: &EnvironmentName,
    keep_reports: bool,
    progress: &Progress,
) -> Result<(), RemovalError> {
    let stack = format!("vigie-{environment}");
    let account = Account::of(aws).await?;
    let region = account.region.clone();
    let on_emulator = aws.endpoint_url().is_some();
    let s3 = s3(aws, on_emulator);
    // The bucket outlives the stack, so that an interrupted removal can be repeated.
    let mut reports = buckets(&s3, &format!("{stack}-reportbucket-"), &region).await?;
    reports.extend(buckets(&s3, &format!("{stack}-statusbucket-"), &region).await?);
    if account.existing_stack(&stack).await?.is_none() && (keep_reports || reports.is_empty()) {
        return Err(RemovalError::NoStack { stack, account: account.id, region });
    }

    for location in locations::deployed(&account, environment).await?.others {
        remove_location(aws, &location, progress).await?;
    }
    let work = async {
        // Only a stack that is protected, such as prod, needs it; emulators do not have it.
        if !on_emulator && account.existing_stack(&stack).await?.is_some() {
            account.protect(&stack, false).await?;
        }
        account.delete_stack(&stack).await?;
        Ok::<_, RemovalError>(((), format!("{stack} in {region}")))
    };
    progress.step("delete the stack", work).await?;

    let work = async { Ok::<_, RemovalError>(((), delete(&s3, &reports, keep_reports).await?)) };
    progress.step("delete the reports", work).await?;

    let work = async { Ok::<_, RemovalError>(((), delete_packages(&s3, &stack, &region).await?)) };
    progress.step("delete the packages", work).await?;

    let work = async {
        // Emulators have no mute rules.
        let count = if on_emulator { 0 } else { unmute(&CloudWatch::new(aws), &stack).await? };
        Ok::<_, RemovalError>(((), count))
    };
    progress.step("delete the mute rules", work).await?;
    for line in remaining(environment, &reports, keep_reports) {
        progress.note(line);
    }
    Ok(())
}

/// An emulator has no host name for each bucket.
fn s3(aws: &SdkConfig, on_emulator: bool) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(aws).force_path_style(on_emulator);
    aws_sdk_s3::Client::from_conf(config.build())
}

/// Deletes the buckets of the environment, unless they are kept; returns what was done.
async fn delete(
    s3: &aws_sdk_s3::Client,
    reports: &[String],
    keep_reports: bool,
) -> Result<String, RemovalError> {
    if keep_reports {
        return Ok(format!("kept: {}", reports.join(", ")));
    }
    for bucket in reports {
        empty(s3, bucket, "").await?;
        s3.delete_bucket().bucket(bucket).send().await.map_err(|error| {
            RemovalError::DeleteBucket { bucket: bucket.clone(), source: error.into() }
        })?;
    }
    Ok(if reports.is_empty() { "none".to_owned() } else { reports.join(", ") })
}

/// Deletes the packages of a stack in the buckets of SAM; returns their number.
async fn delete_packages(
    s3: &aws_sdk_s3::Client,
    stack: &str,
    region: &str,
) -> Result<usize, RemovalError> {
    let mut count = 0;
    for bucket in buckets(s3, ARTIFACTS, region).await? {
        count += empty(s3, &bucket, &format!("{stack}/")).await?;
    }
    Ok(count)
}

/// Deletes the stack of a location and its packages.
pub(crate) async fn remove_location(
    aws: &SdkConfig,
    location: &LocationStack,
    progress: &Progress,
) -> Result<(), StepError> {
    let (stack, region) = (&location.stack, &location.region);
    let here = location.aws(aws);
    let work = async {
        Account::of(&here).await?.delete_stack(stack).await?;
        delete_packages(&s3(&here, aws.endpoint_url().is_some()), stack, region).await?;
        Ok::<_, RemovalError>(((), format!("{stack} in {region}")))
    };
    progress.step(&format!("delete location {}", location.location), work).await
}

/// What the removal leaves in the account.
fn remaining(environment: &EnvironmentName, reports: &[String], keep_reports: bool) -> Vec<String> {
    let kept = reports.iter().filter(|_| keep_reports);
    let kept = kept.map(|bucket| {
        format!("left: bucket `{bucket}`. Its key is deleted in seven days: aws kms cancel-key-deletion keeps it readable")
    });
    let others = [
        format!(
            "left: the KMS key `alias/vigie-{environment}` for the seven days in which AWS can restore it"
        ),
        "left: your secrets and parameters".to_owned(),
        format!("left: bucket `{ARTIFACTS}…`, which all stacks of SAM share"),
    ];
    kept.chain(others).collect()
}

/// The names of this account's buckets in `region` that begin with `prefix`.
///
/// The same environment in another region has a bucket with the same prefix.
async fn buckets(
    s3: &aws_sdk_s3::Client,
    prefix: &str,
    region: &str,
) -> Result<Vec<String>, RemovalError> {
    let mut pages = s3.list_buckets().prefix(prefix).bucket_region(region).into_paginator().send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| RemovalError::Buckets { source: error.into() })?;
        names.extend(page.buckets().iter().filter_map(|bucket| bucket.name()).map(str::to_owned));
    }
    // Emulators ignore the filter.
    names.retain(|name| name.starts_with(prefix));
    Ok(names)
}

/// Deletes all versions of all objects below `prefix`; returns their number.
async fn empty(s3: &aws_sdk_s3::Client, bucket: &str, prefix: &str) -> Result<usize, RemovalError> {
    let failed = |source| RemovalError::Empty { bucket: bucket.to_owned(), source };
    let mut count = 0;
    loop {
        // Deleted objects are no longer listed, so the first page is always the next one.
        let page = s3.list_object_versions().bucket(bucket).prefix(prefix).send().await;
        let page = page.map_err(|error| failed(error.into()))?;
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
            .collect::<Result<_, _>>()
            .map_err(|error: BuildError| failed(error.into()))?;
        if objects.is_empty() {
            return Ok(count);
        }
        count += objects.len();
        let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build();
        let delete = delete.map_err(|error| failed(error.into()))?;
        let deleted = s3.delete_objects().bucket(bucket).delete(delete).send().await;
        let deleted = deleted.map_err(|error| failed(error.into()))?;
        if let Some(kept) = deleted.errors().first() {
            let text = |text: Option<&str>| text.unwrap_or("?").to_owned();
            let (key, message) = (text(kept.key()), text(kept.message()));
            return Err(RemovalError::Object { key, message });
        }
    }
}

/// Deletes the rules of `vigie mute` for the alarms of a stack; returns their number.
async fn unmute(cloudwatch: &CloudWatch, stack: &str) -> Result<usize, RemovalError> {
    let mut rules = cloudwatch.list_alarm_mute_rules().into_paginator().items().send();
    let mut count = 0;
    while let Some(rule) = rules.next().await {
        let rule = rule.map_err(|error| RemovalError::MuteRules { source: error.into() })?;
        // arn:PARTITION:cloudwatch:REGION:ACCOUNT:alarm-mute-rule:NAME
        let name = rule.alarm_mute_rule_arn().and_then(|arn| arn.rsplit(':').next());
        let of_stack =
            |name: &&str| name.starts_with(&format!("{stack}-")) && name.ends_with("-mute");
        if let Some(name) = name.filter(of_stack) {
            let delete = cloudwatch.delete_alarm_mute_rule().alarm_mute_rule_name(name);
            delete.send().await.map_err(|error| RemovalError::MuteRule {
                name: name.to_owned(),
                source: error.into(),
            })?;
            count += 1;
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remaining_resources_are_listed() {
        let reports = ["vigie-dev-reportbucket-1".to_owned()];
        let of = |keep| remaining(&"dev".parse().unwrap(), &reports, keep).join("\n");
        assert!(of(true).contains("bucket `vigie-dev-reportbucket-1`"), "{}", of(true));
        assert!(!of(false).contains("reportbucket"), "{}", of(false));
        assert!(of(false).contains("alias/vigie-dev"), "{}", of(false));
    }
}
