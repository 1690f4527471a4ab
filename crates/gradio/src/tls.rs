//! Trusted certificates, and the TLS configuration that all conversations share.
//!
//! Loading the system's certificates takes tens of milliseconds and some megabytes. It happens once
//! per process, before the first timed phase, and never for plain HTTP.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls_platform_verifier::Verifier;

use crate::certificate;
use crate::failure::{Failure, Fault};
use crate::tracker::Tracker;

/// Larger than any real CA bundle.
const MAX_CA_FILE: u64 = 4 * 1024 * 1024;

/// Trusted certificate authorities.
#[derive(Clone, Debug)]
pub(crate) struct Roots(Arc<Trust>);

#[derive(Debug)]
struct Trust {
    extra: Vec<CertificateDer<'static>>,
    verifier: OnceLock<Result<Verifier, rustls::Error>>,
}

impl Roots {
    /// Those of the operating system.
    pub(crate) fn system() -> Self {
        static SYSTEM: OnceLock<Roots> = OnceLock::new();
        SYSTEM.get_or_init(|| Self::with(Vec::new())).clone()
    }

    /// Those of the operating system and of a PEM file.
    pub(crate) fn system_and_file(path: &Path) -> Result<Self, Fault> {
        let invalid = |problem: &dyn std::fmt::Display| {
            let path = path.display();
            Fault::new(Failure::Settings, format!("could not use CA file `{path}`: {problem}"))
        };
        let size = std::fs::metadata(path).map_err(|error| invalid(&error))?.len();
        if size > MAX_CA_FILE {
            return Err(invalid(&format_args!("it has {size} bytes; the limit is {MAX_CA_FILE}")));
        }
        let pem = std::fs::read(path).map_err(|error| invalid(&error))?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let certificates = certificates.map_err(|error| invalid(&error))?;
        if certificates.is_empty() {
            return Err(invalid(&"it contains no certificate in PEM format"));
        }
        Ok(Self::shared(certificates))
    }

    /// Shares the verifier of equal sets for the life of the process.
    fn shared(extra: Vec<CertificateDer<'static>>) -> Self {
        /// More sets than this are not shared.
        const KEPT: usize = 16;
        static FILES: Mutex<Vec<Roots>> = Mutex::new(Vec::new());
        let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = files.iter().find(|known| known.0.extra == extra) {
            return known.clone();
        }
        let fresh = Self::with(extra);
        if files.len() < KEPT {
            files.push(fresh.clone());
        }
        fresh
    }

    fn with(extra: Vec<CertificateDer<'static>>) -> Self {
        Self(Arc::new(Trust { extra, verifier: OnceLock::new() }))
    }

    /// Loads the certificates on the first call. Fails if the system has none, which is not a fault
    /// of the target.
    pub(crate) fn load(&self) -> Result<(), Fault> {
        self.verifier().map(|_| ()).map_err(|error| {
            Fault::new(Failure::Settings, format!("could not load trusted certificates: {error}"))
        })
    }

    fn verifier(&self) -> Result<&Verifier, rustls::Error> {
        let make = || Verifier::new_with_extra_roots(self.0.extra.iter().cloned(), provider());
        self.0.verifier.get_or_init(make).as_ref().map_err(Clone::clone)
    }

    /// TLS configuration of one conversation; `tracker` records its handshakes.
    pub(crate) fn client_config(
        &self,
        tracker: &Tracker,
        protocols: &[&str],
        identity: Option<&Identity>,
    ) -> ClientConfig {
        let mut config = base_config().clone();
        if let Some(Identity(identity)) = identity {
            config.client_auth_cert_resolver = identity.clone();
        }
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        config.resumption = Resumption::store(Arc::new(tracker.clone()));
        let verifier = RecordingVerifier { roots: self.clone(), tracker: tracker.clone() };
        config.dangerous().set_certificate_verifier(Arc::new(verifier));
        config
    }
}

/// A client certificate with its key.
#[derive(Clone, Debug)]
pub(crate) struct Identity(Arc<SingleCertAndKey>);

impl Identity {
    /// Reads a certificate chain and a private key in PEM format.
    pub(crate) fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, Fault> {
        let invalid = |what: &str, problem: &dyn std::fmt::Display| {
            let prose = format!("could not use the client {what}: {problem}");
            Fault::new(Failure::Settings, prose)
        };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
        let chain = chain.map_err(|error| invalid("certificate", &error))?;
        // The error of the key could repeat a part of it.
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| invalid("key", &"it is not a private key in PEM format"))?;
        let certified = CertifiedKey::from_der(chain, key, &provider())
            .map_err(|error| invalid("certificate", &error))?;
        Ok(Self(Arc::new(SingleCertAndKey::from(certified))))
    }
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider())).clone()
}

/// The shared part of the configuration, which makes a new conversation cheap.
fn base_config() -> &'static ClientConfig {
    static BASE: OnceLock<ClientConfig> = OnceLock::new();
    BASE.get_or_init(|| {
        let system = RecordingVerifier { roots: Roots::system(), tracker: Tracker::default() };
        ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for the default versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(system))
            .with_no_client_auth()
    })
}

/// Random bytes for session names. Also called before the first timed phase, because the first
/// random number of the library can take 24 ms.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    provider().secure_random.fill(&mut bytes).expect("the operating system has random numbers");
    bytes
}

/// A random name of ten letters and digits, like the session names of browsers.
pub(crate) fn random_name() -> String {
    const SIGNS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    random::<10>().iter().map(|byte| char::from(SIGNS[usize::from(byte & 31)])).collect()
}

/// The platform's verifier. It records the end of validity of every certificate, also of a rejected
/// one.
#[derive(Debug)]
struct RecordingVerifier {
    roots: Roots,
    tracker: Tracker,
}

impl ServerCertVerifier for RecordingVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        let earliest: Option<SystemTime> =
            chain.filter_map(|one| certificate::not_after(one)).min();
        if let Some(end) = earliest {
            self.tracker.record_certificate_end(end);
        }
        let verifier = self.roots.verifier()?;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.roots.verifier()?.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.roots.verifier()?.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
