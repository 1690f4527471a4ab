//! Lambda that runs the probes that are due and publishes the results. Wiring only; the logic is in
//! `lib.rs`.

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use lambda_kit::process_env;
use lambda_runtime::{LambdaEvent, service_fn};
use prober::{Clients, Config, Event, Prober};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    lambda_kit::init_logs()?;
    let config = Config::from_env(process_env)?;

    // Created once per execution environment: credentials and connections outlive an event.
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(prober::ATTEMPT_TIMEOUT)
        .operation_timeout(prober::OPERATION_TIMEOUT)
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(prober::ATTEMPTS)
        .with_initial_backoff(prober::BACK_OFF);
    let aws = aws_config::from_env().timeout_config(timeouts).retry_config(retries).load().await;
    let clients = Clients::new(&aws, config.home_region.as_deref());
    let prober = &Prober::new(config, clients);

    let handle = async move |event: LambdaEvent<Event>| {
        prober.handle(event.payload, lambda_kit::time_left(&event.context)).await
    };
    lambda_runtime::run(service_fn(handle)).await.map_err(anyhow::Error::from_boxed)
}
