//! The emulator of AWS, and the clients that talk to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use aws_call::Answer;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use reqwest::Method;
use serde_json::Value;
use tokio::process::Command;

use crate::faults::Faults;
use crate::net::{free_port, wait_until_it_answers};
use crate::python::EMULATOR;
use deploy::process::{Processes, Running};

/// The emulator's own root user; not a secret.
const ROOT_KEY: &str = "test";
/// The region of `local` in samconfig.toml.
pub const REGION: &str = "us-east-1";
pub const ACCOUNT: &str = "000000000000";

/// A running emulator.
pub struct LocalAws {
    pub endpoint: String,
    pub config: SdkConfig,
    pub process: Running,
    /// Between the functions and the emulator, if the options enable it.
    pub faults: Option<Faults>,
    counts: PathBuf,
}

impl LocalAws {
    /// Starts it on a free port, with enforced policies and without data of an earlier run. If faults are
    /// enabled, the functions use it through a proxy.
    pub async fn start(
        root: &Path,
        state: &Path,
        with_faults: bool,
        processes: &Processes,
    ) -> anyhow::Result<Self> {
        // The folder of the unpacked functions, which the emulator never removes.
        let temporary = state.join("tmp");
        if temporary.exists() {
            std::fs::remove_dir_all(&temporary)?;
        }
        std::fs::create_dir_all(&temporary)?;
        let _ = std::fs::remove_file(processes.log("emulator"));
        let counts = state.join("request-counts.json");
        let _ = std::fs::remove_file(&counts);

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
                .env("REQUEST_COUNTS", &counts)
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
                    let config = config(&endpoint);
                    return Ok(Self { endpoint, config, process, faults, counts });
                }
                Err(error) if attempts == 0 => return Err(error),
                Err(_) => {}
            }
        }
    }
}

impl LocalAws {
    /// The allowed requests since the start, up to a second ago: by role, then by action.
    pub fn request_counts(&self) -> anyhow::Result<BTreeMap<String, BTreeMap<String, f64>>> {
        let text = std::fs::read(&self.counts).context("counts of requests")?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// Calls an operation of a service with a JSON protocol, such as `logs` and
    /// `Logs_20140328.FilterLogEvents`.
    pub async fn call(&self, service: &str, target: &str, body: &Value) -> anyhow::Result<Value> {
        Ok(aws_call::Client::new(&self.config).json(service, target, body).await?)
    }

    /// Calls Lambda; `path` is below `/2015-03-31`.
    pub async fn lambda(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let client = aws_call::Client::new(&self.config);
        Ok(client.rest("lambda", method, &format!("/2015-03-31{path}"), body).await?)
    }

    /// The environment variables of a program with the permissions of a role.
    pub async fn assume_role(&self, arn: &str) -> anyhow::Result<[(&'static str, String); 3]> {
        let input = [("RoleArn", arn), ("RoleSessionName", "tests")];
        let client = aws_call::Client::new(&self.config);
        let answer = client.query("sts", "2011-06-15", "AssumeRole", &input).await?;
        let text = |tag: &str| {
            let text = aws_call::xml_texts(&answer, tag).into_iter().next();
            text.with_context(|| format!("no `{tag}` in the credentials"))
        };
        Ok([
            ("AWS_ACCESS_KEY_ID", text("AccessKeyId")?),
            ("AWS_SECRET_ACCESS_KEY", text("SecretAccessKey")?),
            ("AWS_SESSION_TOKEN", text("SessionToken")?),
        ])
    }

    /// Reads from Lambda.
    pub async fn lambda_get(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self.lambda(Method::GET, path, &Value::Null).await?;
        serde_json::from_slice(&answer.body).with_context(|| path.to_owned())
    }
}

/// Environment variables with which a program uses the emulator and never AWS.
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

/// Clients with other credentials.
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
