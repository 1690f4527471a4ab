//! Lambda that sends samples to Prometheus. Wiring only; the logic is in `lib.rs`.

use std::time::{Duration, SystemTime};

use aws_config::timeout::TimeoutConfig;
use aws_lambda_events::sqs::SqsEvent;
use bridge::{Bridge, Config, Services};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use secrets::Secrets;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    lambda_kit::init_logs()?;
    let config = Config::from_env(lambda_kit::process_env)?;

    // Created once per execution environment: credentials and connections outlive an event.
    let limits = TimeoutConfig::builder().operation_timeout(Duration::from_secs(5)).build();
    let aws = aws_config::from_env().timeout_config(limits).load().await;
    let services = Services {
        sqs: aws_sdk_sqs::Client::new(&aws),
        s3: aws_sdk_s3::Client::from_conf(
            // An emulator has no DNS names for buckets.
            aws_sdk_s3::config::Builder::from(&aws)
                .force_path_style(aws.endpoint_url().is_some())
                .build(),
        ),
        cloudwatch: aws_sdk_cloudwatch::Client::new(&aws),
        secrets: Secrets::new(
            aws_sdk_secretsmanager::Client::new(&aws),
            secrets::ParameterStore::new(&aws),
        ),
        credentials: aws.credentials_provider(),
    };
    let bridge = &Bridge::new(config, services);

    let handle = async move |event: LambdaEvent<SqsEvent>| {
        let time_left = lambda_kit::time_left(&event.context);
        let now = SystemTime::now().into();
        // Boxed, since the type of the future is too deep for the compiler.
        Ok::<_, Error>(Box::pin(bridge.handle(event.payload, now, time_left)).await)
    };
    lambda_runtime::run(service_fn(handle)).await.map_err(anyhow::Error::from_boxed)
}
