//! The emulator of AWS, and the clients that talk to it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use serde_json::Value;
use tokio::process::Command;

use crate::faults::Faults;
use crate::net::{free_port, http_client, wait_until_it_answers};
use crate::python::EMULATOR;
use deploy::process::{Processes, Running};

/// The emulator's own root user; it is nobody's secret.
const ROOT_KEY: &str = "test";
/// As samconfig.toml says for `local`.
pub const REGION: &str = "us-east-1";
pub const ACCOUNT: &str = "000000000000";

/// A running emulator.
pub struct LocalAws {
    pub endpoint: String,
    pub config: SdkConfig,
    pub process: Running,
    /// Between the functions and the emulator, where it was asked for.
    pub faults: Option<Faults>,
}

impl LocalAws {
    /// Starts it on a free port, with policies enforced and nothing kept from an earlier run; the
    /// functions reach it through a proxy when there are to be faults.
    pub async fn start(
        root: &Path,
        state: &Path,
        with_faults: bool,
        processes: &Processes,
    ) -> anyhow::Result<Self> {
        // Where the unpacked functions go; the emulator never removes them itself.
        let temporary = state.join("tmp");
        if temporary.exists() {
            std::fs::remove_dir_all(&temporary)?;
        }
        std::fs::create_dir_all(&temporary)?;
        let _ = std::fs::remove_file(processes.log("emulator"));

        let mut attempts = 3;
        loop {
            let port = free_port()?;
            let endpoint = format!("http://127.0.0.1:{port}");
            let proxy = free_port()?;
            let functions_see =
                if with_faults { format!("http://127.0.0.1:{proxy}") } else { endpoint.clone() };
            let mut command = Command::new(EMULATOR.program(root, "python"));
            command
                .arg(root.join("tests/emulator/launch.py"))
                .envs(aws_variables(&functions_see))
                .env("AUTH", "true")
                .env("GATEWAY_PORT", port.to_string())
                .env("BIND_HOST", "127.0.0.1")
                .env("MINISTACK_HOST", "127.0.0.1")
                .env("MINISTACK_REGION", REGION)
                // Otherwise it also listens on 0.0.0.0:8883.
                .env("IOT_MTLS_ENABLED", "0")
                .env("TMPDIR", &temporary)
                .current_dir(state);
            let process = processes.start("emulator", &mut command)?;
            let health = format!("{endpoint}/_ministack/health");
            let started = wait_until_it_answers(&health, &process, Duration::from_secs(60)).await;
            attempts -= 1;
            match started {
                Ok(()) => {
                    let faults = if with_faults {
                        Some(Faults::start(root, proxy, &endpoint, processes).await?)
                    } else {
                        None
                    };
                    return Ok(Self { config: config(&endpoint), endpoint, process, faults });
                }
                Err(error) if attempts == 0 => return Err(error),
                Err(_) => {}
            }
        }
    }
}

impl LocalAws {
    /// Calls an operation of a service that speaks JSON and that the harness has no client for, such as
    /// `logs` and `Logs_20140328.FilterLogEvents`. The emulator checks no signature of its root user.
    pub async fn call(
        &self,
        service: &str,
        operation: &str,
        body: &Value,
    ) -> anyhow::Result<Value> {
        let scope = format!("{ROOT_KEY}/20260101/{REGION}/{service}/aws4_request");
        let answer = http_client()?
            .post(&self.endpoint)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", operation)
            .header("x-amz-date", "20260101T000000Z")
            .header(
                "authorization",
                format!(
                    "AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={:064}",
                    0
                ),
            )
            .body(body.to_string())
            .send()
            .await?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "`{operation}` answered {status}: {text}");
        serde_json::from_str(&text).with_context(|| format!("`{operation}` answered: {text}"))
    }
}

/// What a program needs to take the emulator for AWS, and to reach nothing else by mistake.
#[must_use]
pub fn aws_variables(endpoint: &str) -> [(&'static str, String); 8] {
    [
        ("AWS_ENDPOINT_URL", endpoint.to_owned()),
        ("AWS_ACCESS_KEY_ID", ROOT_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", ROOT_KEY.to_owned()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
    ]
}

fn config(endpoint: &str) -> SdkConfig {
    config_with(endpoint, ROOT_KEY, ROOT_KEY)
}

/// The emulator as somebody else sees it.
#[must_use]
pub fn config_with(endpoint: &str, key: &str, secret: &str) -> SdkConfig {
    let credentials = Credentials::new(key, secret, None, None, "the tests");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(
            credentials,
        ))
        .endpoint_url(endpoint)
        .build()
}
