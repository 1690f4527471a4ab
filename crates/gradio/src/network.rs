//! Which addresses a redirect may lead to.
//!
//! A target that was taken over could redirect the prober to services that only it can reach, such as
//! the Lambda runtime API or an instance metadata service. So redirects never lead to a loopback,
//! link-local or private address, unless the target itself has an address of the same kind.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

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
    /// The reach of each address of the target, as bits.
    target: Arc<AtomicU8>,
}

/// From where an address can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Everywhere,
    Machine,
    Link,
    /// A network that is not part of the internet.
    Network,
}

impl AddressPolicy {
    pub(crate) fn new(target: &Url) -> Self {
        let policy =
            Self { host: target.host_str().unwrap_or_default().to_owned(), target: Arc::default() };
        policy.note(address(target));
        policy
    }

    fn note(&self, addresses: impl IntoIterator<Item = IpAddr>) {
        for ip in addresses {
            self.target.fetch_or(reach(ip).bit(), Ordering::Relaxed);
        }
    }

    /// Removes addresses that a request to this host may not use.
    pub(crate) fn filter(
        &self,
        host: &str,
        addresses: Vec<SocketAddr>,
    ) -> Result<Vec<SocketAddr>, PrivateAddress> {
        if host.eq_ignore_ascii_case(&self.host) {
            self.note(addresses.iter().map(SocketAddr::ip));
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
        let reach = reach(ip);
        reach == Reach::Everywhere || self.target.load(Ordering::Relaxed) & reach.bit() != 0
    }
}

impl Reach {
    fn bit(self) -> u8 {
        1 << self as u8
    }
}

fn address(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
        Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
        Host::Domain(_) => None,
    }
}

fn reach(ip: IpAddr) -> Reach {
    match ip {
        IpAddr::V4(ip) => reach_v4(ip),
        IpAddr::V6(ip) if ip.is_loopback() || ip.is_unspecified() => Reach::Machine,
        IpAddr::V6(ip) if ip.is_unicast_link_local() => Reach::Link,
        // fec0::/10 was the predecessor of unique local addresses (RFC 3879).
        IpAddr::V6(ip) if ip.is_unique_local() || ip.segments()[0] & 0xffc0 == 0xfec0 => {
            Reach::Network
        }
        IpAddr::V6(ip) => embedded_v4(ip).map_or(Reach::Everywhere, reach_v4),
    }
}

fn reach_v4(ip: Ipv4Addr) -> Reach {
    let [a, b, c, _] = ip.octets();
    // Shared address space (RFC 6598), protocol assignments (RFC 6890), benchmarks (RFC 2544).
    let special = (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a == 198 && (18..20).contains(&b));
    if ip.is_loopback() || a == 0 {
        Reach::Machine
    } else if ip.is_link_local() {
        Reach::Link
    } else if ip.is_private() || special || a >= 224 {
        Reach::Network
    } else {
        Reach::Everywhere
    }
}

/// The IPv4 address that a gateway may take from an IPv6 address: mapped and compatible addresses
/// (RFC 4291), NAT64 (RFC 6052) and 6to4 (RFC 3056).
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let octets = ip.octets();
    let at = |start: usize| {
        Ipv4Addr::new(octets[start], octets[start + 1], octets[start + 2], octets[start + 3])
    };
    match ip.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => Some(at(12)),
        [0x2002, ..] => Some(at(2)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(url: &str) -> AddressPolicy {
        AddressPolicy::new(&Url::parse(url).unwrap())
    }

    #[test]
    fn redirect_to_private_address_is_rejected() {
        for (to, allowed) in [
            ("http://127.0.0.1:9001/", false),
            ("http://2130706433/", false),
            ("http://0x7f.1/", false),
            ("http://0177.0.0.1/", false),
            ("http://0/", false),
            ("http://169.254.169.254/latest", false),
            ("http://2852039166/latest", false),
            ("http://10.1.2.3/", false),
            ("http://172.31.0.1/", false),
            ("http://192.168.1.1/", false),
            ("http://[::1]/", false),
            ("http://[::]/", false),
            ("http://[fd00::1]/", false),
            ("http://[fd00:ec2::254]/", false),
            ("http://[fe80::1]/", false),
            ("http://[fec0::1]/", false),
            ("http://[::ffff:10.0.0.1]/", false),
            ("http://[::ffff:7f00:1]/", false),
            ("http://[::127.0.0.1]/", false),
            ("http://[64:ff9b::a9fe:a9fe]/", false),
            ("http://[2002:7f00:1::]/", false),
            ("http://100.64.0.1/", false),
            ("http://198.18.0.1/", false),
            ("http://224.0.0.1/", false),
            ("http://255.255.255.255/", false),
            ("http://93.184.216.34/", true),
            ("http://[2606:2800:220:1::1]/", true),
            ("http://[::ffff:93.184.216.34]/", true),
            ("http://172.32.0.1/", true),
            ("http://example.com/", true),
        ] {
            let to = Url::parse(to).unwrap();
            assert_eq!(policy("https://chat.example.com").check(&to).is_ok(), allowed, "{to}");
        }
    }

    #[test]
    fn private_target_may_redirect_to_addresses_of_its_kind() {
        for (target, to, allowed) in [
            ("http://10.0.0.1", "http://192.168.1.1/", true),
            ("http://10.0.0.1", "http://127.0.0.1:9001/", false),
            ("http://10.0.0.1", "http://169.254.169.254/", false),
            ("http://127.0.0.1:7860", "http://127.0.0.1:9001/", true),
            ("http://127.0.0.1:7860", "http://[::1]/", true),
            ("http://127.0.0.1:7860", "http://169.254.169.254/", false),
            ("http://127.0.0.1:7860", "http://93.184.216.34/", true),
        ] {
            let to = Url::parse(to).unwrap();
            assert_eq!(policy(target).check(&to).is_ok(), allowed, "{target} to {to}");
        }
    }

    #[test]
    fn resolved_private_address_is_rejected_for_a_public_target() {
        let address = |text: &str| vec![SocketAddr::new(text.parse().unwrap(), 80)];
        let policy = policy("https://chat.example.com");
        assert!(policy.filter("evil.example.com", address("127.0.0.1")).is_err());
        assert!(policy.filter("evil.example.com", address("::ffff:127.0.0.1")).is_err());
        assert!(policy.filter("other.example.com", address("93.184.216.34")).is_ok());
        assert!(policy.filter("chat.example.com", address("10.0.0.1")).is_ok());
        assert!(policy.filter("other.example.com", address("10.0.0.2")).is_ok());
        assert!(policy.filter("evil.example.com", address("169.254.169.254")).is_err());
    }
}
