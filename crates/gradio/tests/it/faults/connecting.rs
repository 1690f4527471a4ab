//! Faults of DNS, TCP and TLS.

use std::path::Path;

use gradio::Failure;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::{Fault, LIMIT, Place};
use crate::support::certificates::Authority;
use crate::support::scripted::{Do, Script};

/// Servers that must stay open during the test.
pub(super) struct Kept(
    #[expect(dead_code, reason = "keeps the sockets open")] (TcpListener, Vec<TcpStream>),
);

pub(super) async fn faults(folder: &Path) -> (Vec<Fault>, Kept) {
    use Failure::{Connect, Dns, StreamBroken, Tls};
    let authority = Authority::new();
    let ca_file = authority.write(folder);
    let secured =
        |host, year| Script { tls: Some(authority.server(host, year, &[])), ..super::script() };
    let accepting = |act| Script { at_accept: Some(vec![act]), ..Script::default() };
    let resetting = |act| Script { resets: true, ..accepting(act) };
    let at = |url: String, fault| Fault { place: Place::Elsewhere(url), ..fault };
    let unsecured = |name, script, prose| {
        let fault = Fault::new(name, script, Tls, prose);
        Fault { place: Place::Secured, ..fault }
    };
    let (hole, kept) = black_hole().await;
    let faults = vec![
        at(refused().await, Fault::new("refused", Script::default(), Connect, "refused")),
        at(
            hole,
            Fault::new("black-holed", Script::default(), Connect, "did not finish within 300ms")
                .limited(|limits| limits.connect = LIMIT),
        ),
        at(
            "http://no-such-host.invalid".to_owned(),
            Fault::new(
                "no such name",
                Script::default(),
                Dns,
                "DNS lookup of `no-such-host.invalid`",
            )
            .limited(|limits| limits.connect = LIMIT),
        ),
        Fault::new(
            "reset at once",
            resetting(Do::Close),
            StreamBroken,
            "the response ended before it was complete",
        ),
        Fault::new(
            "closed at once",
            accepting(Do::Close),
            StreamBroken,
            "the response ended before it was complete",
        ),
        Fault {
            place: Place::Name,
            ca_file: Some(ca_file.clone()),
            ..Fault::new(
                "expired certificate",
                secured("localhost", 2001),
                Tls,
                "certificate expired",
            )
        },
        Fault {
            place: Place::Name,
            ca_file: Some(ca_file.clone()),
            ..Fault::new(
                "another's certificate",
                secured("example.com", 4096),
                Tls,
                "not valid for name",
            )
        },
        Fault {
            place: Place::Name,
            ..Fault::new(
                "self-signed certificate",
                secured("localhost", 4096),
                Tls,
                "UnknownIssuer",
            )
        },
        unsecured(
            "no TLS at all",
            accepting(Do::Send(b"SSH-2.0-x\r\n".to_vec())),
            "corrupt message",
        ),
        unsecured("closed in the handshake", accepting(Do::Close), "TLS handshake"),
        unsecured("reset in the handshake", resetting(Do::Close), "TLS handshake"),
        unsecured("silence in the handshake", accepting(Do::Wait), "did not finish within 300ms")
            .limited(|limits| limits.connect = LIMIT),
        unsecured(
            "handshake until the conversation limit",
            accepting(Do::Wait),
            "time limit of the conversation",
        )
        .limited(|limits| limits.conversation = LIMIT),
    ];
    (faults, kept)
}

/// An address without a listener.
async fn refused() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// An address whose listener has a full backlog, so that packets to it get no answer.
async fn black_hole() -> (String, Kept) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(LIMIT, TcpStream::connect(address)).await {
        waiting.push(stream);
    }
    (format!("http://{address}"), Kept((listener, waiting)))
}
