//! HTTP proxies. The environment sets them, so the client runs in another process.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::support::app::{self, close_stream, completed, config, generating, starts};
use crate::support::certificates::Authority;
use crate::support::request::Request;
use crate::support::scripted::{Script, Server};
use crate::support::wire::{end, event, json_answer, page, stream_head};

fn script() -> Script {
    let messages = [starts(), generating("hello"), completed("hello"), close_stream()];
    let reply = [stream_head(), messages.iter().flat_map(event).collect(), end()].concat();
    Script::default()
        .send("config", json_answer(&config(&json!("sse_v3"))))
        .send("join", json_answer(&json!({ "event_id": app::EVENT })))
        .send("data", reply)
        .send("bot", page("200 OK", "<script>window.gradio_config = {}</script>"))
}

/// The example `converse`, which Cargo builds along with the tests.
fn converse() -> Command {
    let test = std::env::current_exe().unwrap();
    let built: PathBuf = test.parent().unwrap().parent().unwrap().join("examples/converse");
    assert!(built.exists(), "{} is built by `cargo test -p gradio`", built.display());
    let mut command = Command::new(built);
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command
}

async fn report(command: &mut Command) -> Value {
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn plain_http_uses_the_proxy() {
    let proxy = Server::start(script()).await;
    let app = "http://bot.invalid/my/bot";
    let report = report(converse().arg(app).arg("hi").env("http_proxy", proxy.url())).await;
    assert_eq!(report["turns"][0]["text"], "hello", "{report}");
    assert_eq!(proxy.count("config"), 1);
    let targets: Vec<_> = proxy.seen().into_iter().map(|request| request.target).collect();
    assert!(targets.contains(&"http://bot.invalid/my/bot/config".to_owned()), "{targets:?}");
    let phases = &report["phases"];
    assert_eq!((&phases["dns"], &phases["connect"]), (&Value::Null, &Value::Null));
    assert!(phases["describe"].is_number());
}

#[tokio::test]
async fn https_uses_a_proxy_tunnel() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let tls = authority.server("bot.invalid", 4096, &[]);
    let server = Server::start(Script { tls: Some(tls), ..script() }).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let targets = Arc::new(Mutex::new(Vec::new()));
    let tunnels = tokio::spawn(tunnel(listener, server.address, targets.clone()));

    let mut command = converse();
    command.args(["https://bot.invalid", "hi", "--ca"]).arg(authority.write(folder.path()));
    let report = report(command.env("https_proxy", proxy)).await;
    tunnels.abort();
    assert_eq!(report["turns"][0]["text"], "hello", "{report}");
    assert_eq!(targets.lock().unwrap()[0], "CONNECT bot.invalid:443");
    let phases = &report["phases"];
    assert_eq!((&phases["dns"], &phases["connect"]), (&Value::Null, &Value::Null));
    assert!(phases["tls"].is_number(), "the TLS handshake is with the app");
}

#[tokio::test]
async fn no_proxy_bypasses_the_proxy() {
    let (server, proxy) = (Server::start(script()).await, Server::start(Script::default()).await);
    let mut command = converse();
    command.args([&server.url(), "hi"]).env("http_proxy", proxy.url()).env("no_proxy", "127.0.0.1");
    let report = report(&mut command).await;
    assert_eq!(report["turns"][0]["text"], "hello", "{report}");
    assert!(report["phases"]["connect"].is_number());
    assert!(proxy.seen().is_empty());
}

/// A proxy that tunnels every request to one address.
async fn tunnel(listener: TcpListener, to: std::net::SocketAddr, targets: Arc<Mutex<Vec<String>>>) {
    let mut tasks = JoinSet::new();
    while let Ok((mut client, _)) = listener.accept().await {
        let targets = targets.clone();
        tasks.spawn(async move {
            let request = Request::read(&mut client, &mut Vec::new()).await.unwrap().unwrap();
            targets.lock().unwrap().push(format!("{} {}", request.method, request.target));
            client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.unwrap();
            let mut server = TcpStream::connect(to).await.unwrap();
            // Either side may close first.
            let _ = copy_bidirectional(&mut client, &mut server).await;
        });
    }
}
