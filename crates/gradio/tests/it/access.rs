//! How a client proves its identity: client certificates, and a login with headers and a query.

use gradio::{Client, ClientBuilder, Error, Failure, Proxy};
use serde_json::{Value, json};

use crate::support::app::{self, close_stream, completed, config, starts};
use crate::support::certificates::{Authority, ClientPair};
use crate::support::request::Request;
use crate::support::scripted::{Do, Script, Server};
use crate::support::wire::{answer, detail, end, event, json_answer, page, stream_head};

fn described() -> Value {
    config(&json!("sse_v3"))
}

fn script() -> Script {
    let messages = [starts(), completed("hello"), close_stream()];
    let reply = [stream_head(), messages.iter().flat_map(event).collect(), end()].concat();
    Script::default()
        .send("config", json_answer(&described()))
        .send("join", json_answer(&json!({ "event_id": app::EVENT })))
        .send("data", reply)
}

async fn reply(builder: ClientBuilder) -> Result<String, Error> {
    let mut session = builder.proxy(Proxy::None).build()?.connect().await?;
    Ok(session.say("hi", &mut |_| {}).await?.text)
}

#[tokio::test]
async fn client_certificate_opens_a_mutual_tls_server() {
    let folder = tempfile::tempdir().unwrap();
    let (servers, clients) = (Authority::new(), Authority::new());
    let ca_file = servers.write(folder.path());
    let own = clients.client();
    let foreign = Authority::new().client();
    let foreign_key = ClientPair { certificate: own.certificate.clone(), key: foreign.key.clone() };
    let cases: [(&str, Option<&ClientPair>, Result<&str, Failure>); 4] = [
        ("right certificate", Some(&own), Ok("hello")),
        ("no certificate", None, Err(Failure::Tls)),
        ("certificate of another authority", Some(&foreign), Err(Failure::Tls)),
        ("key of another certificate", Some(&foreign_key), Err(Failure::Settings)),
    ];
    for (name, pair, expected) in cases {
        let tls = Some(servers.mutual_server("localhost", &clients));
        let server = Server::start(Script { tls, ..script() }).await;
        let mut builder = Client::builder(server.url_by_name()).ca_file(&ca_file);
        if let Some(ClientPair { certificate, key }) = pair {
            builder = builder.client_certificate(certificate.clone(), key.clone());
        }
        let outcome = reply(builder).await;
        let seen = outcome.as_deref().map_err(Error::failure);
        assert_eq!(seen, expected, "{name}: {outcome:?}");
    }
}

#[tokio::test]
async fn private_ca_is_trusted_only_for_its_own_client() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let ca_file = authority.write(folder.path());
    let tls = Some(authority.server("localhost", 4096, &[]));
    let server = Server::start(Script { tls, ..script() }).await;
    let trusting = Client::builder(server.url_by_name()).ca_file(&ca_file);
    assert_eq!(reply(trusting).await.unwrap(), "hello");
    let error = reply(Client::builder(server.url_by_name())).await.unwrap_err();
    assert_eq!(error.failure(), Failure::Tls, "{error}");
}

/// The parts of a request that prove an identity.
fn identity(request: &Request) -> [bool; 4] {
    let has = |name: &str, value: &str| request.header(name) == Some(value);
    [
        has("authorization", "Bearer token-of-the-gateway"),
        has("x-tenant", "acme"),
        request.header("cookie").is_some_and(|cookie| cookie.contains("access-token=t1")),
        request.target.contains("lang=fr&tenant=acme"),
    ]
}

#[tokio::test]
async fn login_is_used_together_with_headers_and_query() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let ca_file = authority.write(folder.path());
    let refused = vec![Do::Send(detail("401 Unauthorized", "Not authenticated"))];
    let set = [("set-cookie", "access-token=t1; Path=/; HttpOnly")];
    let mut script = script().send("login", answer("200 OK", &set, br#"{"success":true}"#));
    script.routes.get_mut("config").unwrap().insert(0, refused.clone());
    let open = vec![Do::Send(page("200 OK", "<script>window.gradio_config = {};</script>"))];
    script.routes.insert("page", vec![refused, open]);
    script.tls = Some(authority.server("localhost", 4096, &[]));
    let server = Server::start(script).await;
    let builder = Client::builder(format!("{}/?lang=fr", server.url_by_name()))
        .ca_file(&ca_file)
        .query("tenant", "acme")
        .header("X-Tenant", "acme")
        .bearer("token-of-the-gateway")
        .login("ada", "pass");
    assert_eq!(reply(builder).await.unwrap(), "hello");

    let mut all = server.seen();
    // The page is requested at the same time on a connection of its own, and without the login. On a busy
    // machine this request arrives after the login.
    let page = all.iter().position(|one| one.path() == "/").unwrap();
    assert_eq!(identity(&all.remove(page)), [true, true, false, true]);
    let login = all.iter().position(|one| one.path() == "/login").unwrap();
    assert_eq!(all[login].body, b"username=ada&password=pass");
    for (at, request) in all.iter().enumerate() {
        let [bearer, tenant, cookie, query] = identity(request);
        let path = request.path();
        assert!(bearer && tenant, "{path}");
        assert_eq!(cookie, login < at, "{path}");
        assert_eq!(query, path != "/login" && !path.ends_with("/data"), "{path}");
    }
}
