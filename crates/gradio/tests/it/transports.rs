//! HTTP/2, IPv6, TLS with a private CA, cookies, logins.

use std::time::{Duration, SystemTime};

use gradio::{Client, ClientBuilder, EndpointChoice, How, Limits, Protocol, Proxy, Reply, Session};
use serde_json::{Value, json};

use crate::support::app::{self, close_stream, completed, config, estimation, generating, starts};
use crate::support::certificates::Authority;
use crate::support::clock;
use crate::support::http2;
use crate::support::scripted::{Do, Script, Server};
use crate::support::wire::{answer, detail, end, event, json_answer, stream_head, text_frame};

fn reply() -> Vec<u8> {
    let messages =
        [estimation(), starts(), generating("hello"), completed("hello"), close_stream()];
    [stream_head(), messages.iter().flat_map(event).collect(), end()].concat()
}

fn script(config: &Value) -> Script {
    Script::default()
        .send("config", json_answer(config))
        .send("join", json_answer(&json!({ "event_id": app::EVENT })))
        .send("data", reply())
        .send("cancel", json_answer(&json!({ "success": true })))
}

fn sse_v3() -> Value {
    config(&json!("sse_v3"))
}

fn client(url: String) -> ClientBuilder {
    Client::builder(url).proxy(Proxy::None).check_page(false)
}

async fn converse(builder: ClientBuilder) -> (Session, Reply) {
    let mut session = builder.build().unwrap().connect().await.unwrap();
    let reply = session.say("hi", &mut |_| {}).await.unwrap();
    assert_eq!(reply.text, "hello");
    (session, reply)
}

#[tokio::test]
async fn phases_are_timed_over_http2_with_private_ca() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let tls = authority.server("localhost", 2035, &["h2"]);
    let server = http2::Server::start(tls, |path| match path.rsplit('/').next() {
        Some("config") => ("application/json", sse_v3().to_string().into_bytes()),
        Some("join") => ("application/json", br#"{"event_id":"e1"}"#.to_vec()),
        _ => {
            let events = [starts(), generating("hello"), completed("hello"), close_stream()];
            let events: String = events.iter().map(crate::support::wire::event_text).collect();
            ("text/event-stream", events.into_bytes())
        }
    })
    .await;
    let url = format!("https://localhost:{}", server.port());
    let (session, _) = converse(client(url).ca_file(authority.write(folder.path()))).await;
    let phases = session.phases();
    assert!(phases.dns.is_some() && phases.connect.is_some() && phases.tls.is_some(), "{phases:?}");
    assert!(phases.describe.is_some());
    let end = phases.certificate_end.unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(end, Duration::from_secs(2_051_222_400), "the start of 2035");
    assert_eq!(server.connections(), 1, "one connection carries everything");
}

#[tokio::test]
async fn websocket_uses_the_same_tls() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let frames = [
        json!({ "msg": "send_hash" }),
        json!({ "msg": "send_data" }),
        starts(),
        generating("hello"),
        completed("hello"),
    ];
    let frames: Vec<u8> = frames.iter().flat_map(text_frame).collect();
    let script = Script {
        tls: Some(authority.server("localhost", 4096, &["h2", "http/1.1"][1..])),
        ..script(&config(&json!(null))).on("socket", [Do::Upgrade, Do::Send(frames), Do::Wait])
    };
    let server = Server::start(script).await;
    let builder = client(server.url_by_name()).ca_file(authority.write(folder.path()));
    let (session, reply) = converse(builder).await;
    assert!(session.phases().tls.is_some());
    assert!(reply.timing.queue.is_some());
}

#[tokio::test]
async fn ip_address_has_no_dns_and_http_no_tls_phase() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let server = Server::start_at(address, script(&sse_v3())).await;
        let (session, _) = converse(client(server.url())).await;
        let phases = session.phases();
        assert!(phases.connect.is_some(), "{address}");
        assert_eq!(
            (phases.dns, phases.tls, phases.certificate_end),
            (None, None, None),
            "{address}"
        );
    }
    let server = Server::start(script(&sse_v3())).await;
    let (session, _) = converse(client(server.url_by_name())).await;
    assert!(session.phases().dns.is_some());
}

#[tokio::test]
async fn every_request_has_the_configured_headers() {
    let server = Server::start(script(&sse_v3())).await;
    let builder = client(server.url())
        .user_agent("Vigie/1.2.3 (+https://example.com)")
        .traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .bearer("hf_token")
        .header("x-team", "chat");
    converse(builder).await;
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    for request in &seen {
        assert_eq!(request.header("user-agent"), Some("Vigie/1.2.3 (+https://example.com)"));
        assert!(request.header("traceparent").unwrap().starts_with("00-0af7"));
        assert_eq!(request.header("authorization"), Some("Bearer hf_token"));
        assert_eq!(request.header("x-team"), Some("chat"));
    }
    for request in [&seen[0], &seen[2]] {
        assert_eq!(request.header("accept-encoding"), Some("gzip,deflate,br"));
    }
    let (join, page) = (&seen[1], format!("{}/", server.url()));
    assert_eq!(join.header("origin"), Some(&*server.url()));
    assert_eq!(join.header("referer"), Some(&*page));
    assert_eq!(join.header("sec-fetch-site"), Some("same-origin"));
    assert_eq!(seen[0].header("origin"), None);
}

#[tokio::test]
async fn compressed_description_is_decoded() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(sse_v3().to_string().as_bytes()).unwrap();
    let zipped = answer("200 OK", &[("content-encoding", "gzip")], &encoder.finish().unwrap());
    let mut script = script(&sse_v3());
    script.routes.insert("config", vec![vec![Do::Send(zipped)]]);
    let server = Server::start(script).await;
    converse(client(server.url())).await;
}

#[tokio::test]
async fn load_balancer_cookie_is_sent_back() {
    let set = [("set-cookie", "affinity=replica-7; Path=/")];
    let mut script = script(&sse_v3());
    let described = answer("200 OK", &set, sse_v3().to_string().as_bytes());
    script.routes.insert("config", vec![vec![Do::Send(described)]]);
    let server = Server::start(script).await;
    converse(client(server.url())).await;
    let cookies: Vec<_> =
        server.seen().iter().map(|one| one.header("cookie").map(str::to_owned)).collect();
    let kept = Some("affinity=replica-7".to_owned());
    assert_eq!(cookies, [None, kept.clone(), kept]);
}

#[tokio::test]
async fn basic_authentication_is_sent_on_request() {
    let asked = [("www-authenticate", "Basic realm=\"bots\"")];
    let mut script = script(&sse_v3());
    let first = Do::Send(answer("401 Unauthorized", &asked, b"login"));
    script.routes.get_mut("config").unwrap().insert(0, vec![first]);
    let server = Server::start(script).await;
    converse(client(server.url()).login("ada", "pass")).await;
    let given: Vec<_> =
        server.seen().iter().map(|one| one.header("authorization").map(str::to_owned)).collect();
    let basic = Some("Basic YWRhOnBhc3M=".to_owned());
    assert_eq!(given, [None, basic.clone(), basic.clone(), basic]);
    assert_eq!(server.count("login"), 0);
}

#[tokio::test]
async fn redirected_app_is_used_at_its_new_address() {
    let mut script = script(&sse_v3());
    let moved = answer("308 Permanent Redirect", &[("location", "/new/config")], b"");
    script.routes.get_mut("config").unwrap().insert(0, vec![Do::Send(moved)]);
    let server = Server::start(script).await;
    converse(client(format!("{}/old", server.url()))).await;
    let paths: Vec<_> = server.seen().iter().map(|one| one.path().to_owned()).collect();
    assert_eq!(paths, ["/old/config", "/new/config", "/new/queue/join", "/new/queue/data"]);
}

#[tokio::test]
async fn redirected_app_gets_the_login() {
    let mut script = script(&sse_v3()).send("login", json_answer(&json!({ "success": true })));
    let moved = Do::Send(answer("308 Permanent Redirect", &[("location", "/new/config")], b""));
    let refused = Do::Send(detail("401 Unauthorized", "Not authenticated"));
    script.routes.get_mut("config").unwrap().splice(0..0, [vec![moved], vec![refused]]);
    let server = Server::start(script).await;
    converse(client(format!("{}/old", server.url())).login("ada", "pass")).await;
    let paths: Vec<_> = server.seen().iter().map(|one| one.path().to_owned()).collect();
    let expected = ["/old/config", "/new/config", "/new/login", "/new/config", "/new/queue/join"];
    assert_eq!(paths[..5], expected);
}

#[tokio::test]
async fn requests_use_the_target_address() {
    let mut config = sse_v3();
    config["root"] = json!("http://127.0.0.1:1/inside");
    config["api_prefix"] = json!("/gradio_api");
    let server = Server::start(script(&config)).await;
    converse(client(format!("{}/my/bot/", server.url()))).await;
    assert_eq!(server.seen()[1].path(), "/my/bot/gradio_api/queue/join");
}

#[tokio::test]
async fn page_is_the_fallback_for_config() {
    let page = format!("<script>window.gradio_config = {};</script>", sse_v3());
    for config in [
        detail("404 Not Found", "Not Found"),
        detail("403 Forbidden", "Forbidden"),
        detail("200 OK", "another service"),
    ] {
        let mut script = script(&sse_v3()).send("page", answer("200 OK", &[], page.as_bytes()));
        script.routes.insert("config", vec![vec![Do::Send(config)]]);
        let server = Server::start(script).await;
        converse(client(server.url())).await;
        assert_eq!(server.count("page"), 1);
    }
}

#[tokio::test]
async fn dropped_turn_is_cancelled() {
    let begun = [stream_head(), event(&starts()), event(&generating("a"))].concat();
    let mut script = script(&sse_v3());
    script.routes.insert("data", vec![vec![Do::Send(begun), Do::Wait]]);
    let server = Server::start(script).await;
    let mut session = client(server.url()).build().unwrap().connect().await.unwrap();
    let (seen, mut chunk) = tokio::sync::mpsc::unbounded_channel();
    let mut progress = move |step| {
        if step == (gradio::Progress::Chunk { number: 1 }) {
            seen.send(()).unwrap();
        }
    };
    tokio::select! {
        outcome = session.say("hi", &mut progress) => panic!("{outcome:?}"),
        _ = chunk.recv() => {}
    }
    tokio::time::timeout(Duration::from_secs(5), server.wait_for("cancel")).await.unwrap();
    let cancel = server.seen().into_iter().find(|one| one.path().ends_with("/cancel")).unwrap();
    assert_eq!(cancel.json()["event_id"], app::EVENT);
    assert_eq!(cancel.json()["fn_index"], 0);
}

/// Compiles only if the futures are `Send`.
#[tokio::test]
async fn conversation_runs_in_a_task() {
    let server = Server::start(script(&sse_v3())).await;
    let client = client(server.url()).build().unwrap();
    let task = tokio::spawn(async move {
        client.discover().await.unwrap();
        client.connect().await.unwrap().say("hi", &mut |_| {}).await.unwrap().text
    });
    assert_eq!(task.await.unwrap(), "hello");
}

#[tokio::test(start_paused = true)]
async fn error_has_the_partial_reply() {
    let begun = [stream_head(), event(&starts()), event(&generating("half a re"))].concat();
    let mut script = script(&sse_v3());
    script.routes.insert("data", vec![vec![Do::Send(begun), Do::Wait]]);
    let server = Server::start(script).await;
    let limits = Limits { stall: Duration::from_millis(300), ..Limits::default() };
    let client = client(server.url()).limits(limits).build().unwrap();
    let conversation = async { client.connect().await?.say("hi", &mut |_| {}).await };
    let error = clock::with_server(&server, conversation).await.unwrap_err();
    let partial = error.partial().unwrap();
    assert_eq!(partial.text, "half a re");
    assert!(partial.timing.first_text.is_some() && partial.timing.reply.is_none());
    assert!(error.phases().connect.is_some());
}

#[tokio::test]
async fn discovery_lists_candidates_and_inputs() {
    let mut config = sse_v3();
    config["title"] = json!("Support");
    config["components"].as_array_mut().unwrap().extend([
        json!({ "id": 4, "type": "slider", "props": { "label": "Temperature", "value": 0.7 } }),
        json!({ "id": 5, "type": "chatbot" }),
    ]);
    config["dependencies"][0]["inputs"] = json!([1, 2, 4]);
    config["dependencies"].as_array_mut().unwrap().push(json!({
        "id": 7, "targets": [[1, "submit"]], "inputs": [1, 5], "outputs": [1, 5], "api_name": false,
    }));
    let info = json!({ "named_endpoints": { "/chat": { "parameters": [
        { "parameter_name": "message" }, { "parameter_name": "heat" },
    ] } } });
    let script = script(&config).send("info", json_answer(&info));
    let server = Server::start(script).await;
    let found = client(server.url()).build().unwrap().discover().await.unwrap();
    assert_eq!(
        (found.title.as_deref(), found.protocol, found.functions),
        (Some("Support"), Protocol::SseV3, 2)
    );
    let ways: Vec<_> = found
        .candidates
        .iter()
        .map(|one| (one.description.how, one.description.endpoint_id, one.public))
        .collect();
    assert_eq!(ways, [(How::Api, 0, true), (How::Chain, 7, false)]);
    let input = &found.candidates[0].description.inputs[0];
    assert_eq!(
        (input.name.as_deref(), input.label.as_deref()),
        (Some("heat"), Some("Temperature"))
    );
    assert_eq!((&input.default, input.kind.as_str()), (&json!(0.7), "slider"));
    assert_eq!(found.candidates[0].message_label.as_deref(), Some("Message"));

    // Only `/info` has the parameter name, so it is fetched when needed.
    converse(client(server.url()).input("heat", 0.1)).await;
    let joined = server.seen().into_iter().rfind(|one| one.path().ends_with("/join")).unwrap();
    assert_eq!(joined.json()["data"], json!(["hi", null, 0.1]));
    let session = client(server.url()).endpoint(EndpointChoice::Id(7)).build().unwrap();
    assert_eq!(session.connect().await.unwrap().description().how, How::Chain);
}
