//! Free ports of this machine, and waiting until something answers on one.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use anyhow::bail;

use deploy::process::Running;

/// A port that was free a moment ago, on the loopback address.
///
/// For programs that take their port as an argument. Another program may take the port before they
/// start: they then fail and are started again with another port.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

#[must_use]
pub fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Waits until `url` answers with success; fails when `program` ends first.
pub async fn wait_until_it_answers(
    url: &str,
    program: &Running,
    timeout: Duration,
) -> anyhow::Result<()> {
    let client = http_client()?;
    let deadline = Instant::now() + timeout;
    loop {
        if client.get(url).send().await.is_ok_and(|response| response.status().is_success()) {
            return Ok(());
        }
        program.check()?;
        if Instant::now() > deadline {
            bail!("`{url}` did not answer within {timeout:?}\n{}", program.tail());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// For the loopback address alone: no proxy, short limits.
pub fn http_client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()
}
