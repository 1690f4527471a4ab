//! The clients of the AWS services that the function uses.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::receiver_clients::ReceiverClients;

/// The clients of the AWS services that the function uses.
#[derive(Debug)]
pub struct Clients {
    pub sns: aws_sdk_sns::Client,
    pub sqs: aws_sdk_sqs::Client,
    pub s3: aws_sdk_s3::Client,
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    pub receivers: ReceiverClients,
    /// CloudWatch of other regions, created when an alarm of theirs is first queried.
    pub regions: Mutex<BTreeMap<String, aws_sdk_cloudwatch::Client>>,
}

impl Clients {
    #[must_use]
    pub fn new(aws: &aws_config::SdkConfig) -> Self {
        // Path style: with the bucket in the host name a custom endpoint would need DNS for each bucket.
        let s3 = aws_sdk_s3::config::Builder::from(aws).force_path_style(true).build();
        Self {
            sns: aws_sdk_sns::Client::new(aws),
            sqs: aws_sdk_sqs::Client::new(aws),
            s3: aws_sdk_s3::Client::from_conf(s3),
            dynamodb: aws_sdk_dynamodb::Client::new(aws),
            cloudwatch: aws_sdk_cloudwatch::Client::new(aws),
            receivers: ReceiverClients::new(aws),
            regions: Mutex::default(),
        }
    }

    /// CloudWatch of `region`.
    pub(crate) fn cloudwatch_in(&self, region: &str) -> aws_sdk_cloudwatch::Client {
        let own = self.cloudwatch.config().region().map(ToString::to_string);
        if own.as_deref() == Some(region) {
            return self.cloudwatch.clone();
        }
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        let client = regions.entry(region.to_owned()).or_insert_with(|| {
            let region = aws_sdk_cloudwatch::config::Region::new(region.to_owned());
            let config = self.cloudwatch.config().to_builder().region(region).build();
            aws_sdk_cloudwatch::Client::from_conf(config)
        });
        client.clone()
    }
}
