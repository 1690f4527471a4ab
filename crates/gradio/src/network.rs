//! Which addresses a redirect may lead to.
//!
//! A target that was taken over could redirect the prober to services that only it can reach, such as
//! the Lambda runtime API or an instance metadata service. So redirects never lead to a loopback,
//! link-local or private address, unless the target itself has one.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use url::{Host, Url};

/// Error of a redirect to a private address.
#[derive(Debug, thiserror::Error)]
#[error("redirects to private addresses are not followed (`{0}`)")]
pub(crate) struct PrivateAddress(String);

/// The addresses that the requests of a conversation may have. Clones share their state.
#[derive(Clone, Debug, Default)]
pub(crate) struct AddressPolicy {
    /// Host of the target.
    host: String,
    /// Whether the target has a private address.
    private: Arc<AtomicBool>,
}

impl AddressPolicy {
    pub(crate) fn new(target: &Url) -> Self {
        let private = matches!(address(target), Some(ip) if is_private(ip));
        Self {
            host: target.host_str().unwrap_or_default().to_owned(),
            private: Arc::new(AtomicBool::new(private)),
        }
    }

    /// Removes addresses that a request to this host may not use.
    pub(crate) fn filter(
        &self,
        host: &str,
        addresses: Vec<SocketAddr>,
    ) -> Result<Vec<SocketAddr>, PrivateAddress> {
        if host.eq_ignore_ascii_case(&self.host) {
            let private = addresses.iter().any(|address| is_private(address.ip()));
            self.private.fetch_or(private, Ordering::Relaxed);
            return Ok(addresses);
        }
        let allowed = addresses.into_iter().filter(|address| self.allows(address.ip()));
        let allowed: Vec<_> = allowed.collect();
        if allowed.is_empty() { Err(PrivateAddress(host.to_owned())) } else { Ok(allowed) }
    }

    /// Checks a redirect to a host that is an IP address. Names are checked when they are resolved.
    pub(crate) fn check(&self, url: &Url) -> Result<(), PrivateAddress> {
        match address(url) {
            Some(ip) if !self.allows(ip) => Err(PrivateAddress(ip.to_string())),
            _ => Ok(()),
        }
    }

    fn allows(&self, ip: IpAddr) -> bool {
        !is_private(ip) || self.private.load(Ordering::Relaxed)
    }
}

fn address(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
        Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
        Host::Domain(_) => None,
    }
}

fn is_private(ip: IpAddr) -> bool {
    let v4 = |ip: Ipv4Addr| {
        let [a, b, ..] = ip.octets();
        // 100.64.0.0/10 is the shared address space of RFC 6598.
        let shared = a == 100 && (64..128).contains(&b);
        ip.is_loopback() || ip.is_private() || ip.is_link_local() || a == 0 || shared
    };
    match ip {
        IpAddr::V4(ip) => v4(ip),
        IpAddr::V6(ip) => {
            let local = ip.is_unique_local() || ip.is_unicast_link_local();
            ip.is_loopback() || ip.is_unspecified() || local || ip.to_ipv4_mapped().is_some_and(v4)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_to_private_address_is_rejected() {
        let policy = |url| AddressPolicy::new(&Url::parse(url).unwrap());
        for (to, allowed) in [
            ("http://127.0.0.1:9001/", false),
            ("http://169.254.169.254/latest", false),
            ("http://10.1.2.3/", false),
            ("http://[::1]/", false),
            ("http://[fd00::1]/", false),
            ("http://[::ffff:10.0.0.1]/", false),
            ("http://100.64.0.1/", false),
            ("http://93.184.216.34/", true),
            ("http://example.com/", true),
        ] {
            let to = Url::parse(to).unwrap();
            assert_eq!(policy("https://chat.example.com").check(&to).is_ok(), allowed, "{to}");
            assert!(policy("http://10.0.0.1").check(&to).is_ok(), "{to} from a private target");
        }
    }

    #[test]
    fn resolved_private_address_is_rejected_for_a_public_target() {
        let address = |text: &str| vec![SocketAddr::new(text.parse().unwrap(), 80)];
        let policy = AddressPolicy::new(&Url::parse("https://chat.example.com").unwrap());
        assert!(policy.filter("evil.example.com", address("127.0.0.1")).is_err());
        assert!(policy.filter("other.example.com", address("93.184.216.34")).is_ok());
        assert!(policy.filter("chat.example.com", address("10.0.0.1")).is_ok());
        assert!(policy.filter("other.example.com", address("10.0.0.2")).is_ok());
    }
}
