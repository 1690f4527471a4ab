//! A TLS proxy for a local server, with a local certificate authority: handshakes and certificate stores are a
//! large part of the CPU of a function.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Where systems keep the authorities that they trust; the first that is there.
const TRUSTED: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Servers with certificates for 127.0.0.1.
pub(crate) struct Authority {
    acceptor: TlsAcceptor,
    /// For `SSL_CERT_FILE`: all that this machine trusts, and the authority.
    pub(crate) trusted: PathBuf,
}

impl Authority {
    pub(crate) fn new(folder: &Path) -> anyhow::Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let own = params.self_signed(&key)?.pem();
        let issuer = Issuer::new(params, key);

        let server = CertificateParams::new(vec![Ipv4Addr::LOCALHOST.to_string()])?;
        let key = KeyPair::generate()?;
        let certificate = server.signed_by(&key, &issuer)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_no_client_auth()
                .with_single_cert(vec![certificate.der().clone()], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];

        let system = TRUSTED
            .iter()
            .find_map(|path| std::fs::read_to_string(path).ok())
            .context("this machine has no certificates; install Debian's `ca-certificates`")?;
        std::fs::create_dir_all(folder)?;
        let trusted = folder.join("trusted.pem");
        std::fs::write(&trusted, format!("{system}\n{own}"))?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), trusted })
    }

    /// Starts a proxy of the server at `behind`; its address is `https://` and the returned text.
    pub(crate) async fn before(&self, behind: SocketAddr) -> anyhow::Result<SocketAddr> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let acceptor = self.acceptor.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    stream.set_nodelay(true)?;
                    let mut outside = acceptor.accept(stream).await?;
                    let mut inside = TcpStream::connect(behind).await?;
                    inside.set_nodelay(true)?;
                    copy_bidirectional(&mut outside, &mut inside).await
                });
            }
        });
        Ok(address)
    }
}
