//! The AWS clients, with time limits and retries.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};

/// Time limit of one attempt of an AWS call.
pub(crate) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// Time limit of one attempt of `PutMetricData`.
const PUT_METRICS_TIMEOUT: Duration = Duration::from_secs(10);
/// Time limit of an AWS call with its retries.
pub(crate) const OPERATION_TIMEOUT: Duration = Duration::from_secs(15);

/// Attempts of an AWS call, so that a few seconds of throttling lose no result.
const ATTEMPTS: u32 = 6;
/// Pause before the second attempt. It doubles for each further attempt.
const BACK_OFF: Duration = Duration::from_millis(200);

/// The AWS clients of an [`Executor`](crate::Executor).
pub struct Clients {
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    /// For the queue of runs, which is in the region of the prober.
    pub runs: aws_sdk_sqs::Client,
    /// For the queue of samples, which is in the home region.
    pub sqs: aws_sdk_sqs::Client,
    pub s3: aws_sdk_s3::Client,
    pub table: aws_sdk_dynamodb::Client,
    pub secrets_manager: aws_sdk_secretsmanager::Client,
    pub parameters: secrets::ParameterStore,
}

impl Clients {
    /// From the settings and credentials of this process. `home_region` has everything but the queue of runs;
    /// `None` if it is the region of the process.
    pub async fn load(home_region: Option<&str>) -> Self {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let retries =
            RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(BACK_OFF);
        let aws =
            aws_config::from_env().timeout_config(timeouts).retry_config(retries).load().await;
        Self::new(&aws, home_region)
    }

    fn new(aws: &SdkConfig, home_region: Option<&str>) -> Self {
        let home = home_region
            .map(|region| aws.to_builder().region(Region::new(region.to_owned())).build());
        let home = home.as_ref().unwrap_or(aws);
        // An emulator has no host name for each bucket.
        let s3 = aws_sdk_s3::config::Builder::from(home)
            .force_path_style(home.endpoint_url().is_some())
            .build();
        Self {
            cloudwatch: cloudwatch_client(home),
            runs: aws_sdk_sqs::Client::new(aws),
            sqs: aws_sdk_sqs::Client::new(home),
            s3: aws_sdk_s3::Client::from_conf(s3),
            table: aws_sdk_dynamodb::Client::new(home),
            secrets_manager: aws_sdk_secretsmanager::Client::new(home),
            parameters: secrets::ParameterStore::new(home),
        }
    }
}

/// A client whose attempts have more time. `PutMetricData` is not idempotent: an attempt that times out may
/// have succeeded, and a retry would count its values twice.
fn cloudwatch_client(aws: &SdkConfig) -> aws_sdk_cloudwatch::Client {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(PUT_METRICS_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    let config = aws_sdk_cloudwatch::config::Builder::from(aws).timeout_config(timeouts).build();
    aws_sdk_cloudwatch::Client::from_conf(config)
}
