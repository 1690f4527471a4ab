//! Targets with TLS: which certificates are accepted, and under which name.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use scrape::{FetchError, Limits, Request, Tls, client_with_tls, fetch};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A target at an IP address whose certificate is for `bot.internal`. Its page is the name that the client
/// requested and the header `Host`. Returns its address and its certificate.
async fn target() -> (std::net::SocketAddr, String) {
    let params = CertificateParams::new(vec!["bot.internal".to_owned()]).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(acceptor.clone(), stream));
        }
    });
    (address, certificate.pem())
}

async fn answer(acceptor: TlsAcceptor, stream: TcpStream) {
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    let mut head = vec![0; 4096];
    let read = stream.read(&mut head).await.unwrap();
    let head = String::from_utf8_lossy(&head[..read]).to_lowercase();
    let host = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let name = stream.get_ref().1.server_name().unwrap_or("none");
    let body = format!("name {name}, host {host}");
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn certificate_is_checked_under_the_server_name() {
    let (address, pem) = target().await;
    let name = Some("bot.internal".to_owned());
    let ca = Some(pem.into_bytes());
    let trusting = Tls { insecure_skip_verify: true, ..Tls::default() };
    let cases = [
        (Tls { ca: ca.clone(), server_name: name.clone(), ..Tls::default() }, Some("bot.internal")),
        (
            Tls { more_ca: ca.clone(), server_name: name.clone(), ..Tls::default() },
            Some("bot.internal"),
        ),
        (Tls { ca: ca.clone(), ..Tls::default() }, None),
        (Tls { ca, server_name: Some("other".to_owned()), ..Tls::default() }, None),
        (Tls { server_name: name.clone(), ..Tls::default() }, None),
        (trusting.clone(), Some("none")),
        (Tls { server_name: name, ..trusting }, Some("bot.internal")),
    ];
    for (tls, expected) in cases {
        let request = Request {
            url: format!("https://{address}/metrics").parse().unwrap(),
            headers: HeaderMap::new(),
            timeout: Duration::from_secs(10),
            limits: Limits::default(),
            server_name: tls.server_name.clone(),
            fallback: None,
            histograms: exposition::protobuf::Histograms::default(),
        };
        let client = client_with_tls("test", &tls, &request.url).unwrap();
        match (fetch(&client, &request).await, expected) {
            (Ok(page), Some(name)) => {
                let expected = format!("name {name}, host {address}");
                assert_eq!(String::from_utf8(page.body).unwrap(), expected, "{tls:?}");
            }
            (Err(FetchError::Transport { .. }), None) => {}
            (other, expected) => panic!("{tls:?}: {other:?} instead of {expected:?}"),
        }
    }
}
