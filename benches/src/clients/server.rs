//! The chatbot that is talked to: a real Gradio server that writes down its own times.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::table::Bench;
use deploy::process::Running;
use harness::net::{free_port, loopback};
use harness::python::Environment;

pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) url: String,
    /// Whom to trust, when it has TLS.
    pub(super) authority: Option<PathBuf>,
    log: PathBuf,
    process: Running,
}

/// Files of a certificate for the loopback address, and of the authority that signed it.
pub(super) struct Certificate {
    authority: PathBuf,
    chain: PathBuf,
    key: PathBuf,
}

impl Certificate {
    pub(super) fn make(folder: &Path) -> anyhow::Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        // OpenSSL treats a certificate as self-signed if its issuer has the same name.
        params.distinguished_name.push(DnType::CommonName, "authority of the benchmark");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key)?;
        let issuer = Issuer::new(params, key);
        let server_key = KeyPair::generate()?;
        let server = CertificateParams::new(vec!["127.0.0.1".to_owned()])?
            .signed_by(&server_key, &issuer)?;
        let write = |name: &str, pem: String| {
            let path = folder.join(name);
            fs::write(&path, pem).with_context(|| format!("`{}`", path.display()))?;
            anyhow::Ok(path)
        };
        Ok(Self {
            authority: write("authority.pem", authority.pem())?,
            chain: write("server.pem", server.pem())?,
            key: write("server.key", server_key.serialize_pem())?,
        })
    }
}

impl Server {
    /// Starts `tests/apps/timed.py` in `environment`, with TLS if there is a certificate.
    pub(super) async fn start(
        bench: &Bench<'_>,
        environment: Environment,
        certificate: Option<&Certificate>,
    ) -> anyhow::Result<Self> {
        let mut attempts = 3;
        loop {
            attempts -= 1;
            match Self::start_once(bench, environment, certificate).await {
                // The port may have been taken by another program meanwhile.
                Err(_) if attempts > 0 => {}
                outcome => return outcome,
            }
        }
    }

    async fn start_once(
        bench: &Bench<'_>,
        environment: Environment,
        certificate: Option<&Certificate>,
    ) -> anyhow::Result<Self> {
        let address = loopback(free_port()?);
        let log = bench.processes.log("timed-events");
        fs::write(&log, "")?;
        let mut command = Command::new(environment.program(bench.root, "python"));
        command
            .arg(bench.root.join("tests/apps/timed.py"))
            .args(["--port", &address.port().to_string()])
            .arg("--log")
            .arg(&log)
            .env("GRADIO_ANALYTICS_ENABLED", "False");
        if let Some(Certificate { chain, key, .. }) = certificate {
            command.arg("--cert").arg(chain).arg("--key").arg(key);
        }
        let process = bench.processes.start("timed", &mut command)?;
        let deadline = Instant::now() + Duration::from_secs(90);
        while TcpStream::connect(address).await.is_err() {
            process.check()?;
            if Instant::now() > deadline {
                bail!("the chatbot did not start\n{}", process.tail());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let scheme = if certificate.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{address}");
        let authority = certificate.map(|certificate| certificate.authority.clone());
        Ok(Self { address, url, authority, log, process })
    }

    /// Ignores the log entries so far.
    pub(super) fn forget(&self) -> anyhow::Result<()> {
        // The server appends, so it continues at the new end.
        Ok(fs::write(&self.log, "")?)
    }

    pub(super) fn times(&self) -> anyhow::Result<Times> {
        Times::read(&fs::read_to_string(&self.log)?)
    }

    pub(super) async fn stop(self) {
        self.process.stop().await;
    }
}

/// The times of one conversation in the log of the server, in Unix seconds.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Times {
    pub(super) requests: Vec<f64>,
    /// The app begins on a message.
    pub(super) starts: Vec<f64>,
    /// The app hands its first token to Gradio.
    pub(super) firsts: Vec<f64>,
    /// Gradio hands the first chunk to the connection.
    pub(super) sents: Vec<f64>,
}

impl Times {
    fn read(log: &str) -> anyhow::Result<Self> {
        let mut times = Self::default();
        for line in log.lines() {
            let mut words = line.split(' ');
            let list = match words.next() {
                Some("request") => &mut times.requests,
                Some("start") => &mut times.starts,
                Some("first") => &mut times.firsts,
                Some("sent") => &mut times.sents,
                _ => bail!("the chatbot wrote `{line}`"),
            };
            let nanoseconds: f64 = words.next().unwrap_or_default().parse()?;
            list.push(nanoseconds / 1e9);
        }
        Ok(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_read_by_its_words() {
        let log = "request 1000000000 /config\nstart 2000000000 hello\nfirst 2500000000 hello\n\
                   sent 3000000000 \n";
        let expected =
            Times { requests: vec![1.0], starts: vec![2.0], firsts: vec![2.5], sents: vec![3.0] };
        assert_eq!(Times::read(log).unwrap(), expected);
        assert!(Times::read("hello").is_err());
    }
}
