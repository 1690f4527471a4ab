//! What a browser does besides sending the message: `load` functions of the page, chains of functions, parallel
//! branches, the heartbeat, compressed streams. The page itself is in `page.rs`.

use std::io::Write as _;
use std::time::Duration;

use gradio::{Failure, Limits};
use serde_json::{Value, json};

use crate::support::app::{EVENT, close_stream, starts};
use crate::support::blocks::{blocks, client, done, joins, plain, said, say, script, stream};
use crate::support::clock;
use crate::support::request::Request;
use crate::support::scripted::{Do, Server};
use crate::support::wire::{answer, chunk, event, stream_head};

#[tokio::test]
async fn load_functions_run_in_the_session_of_the_chat() {
    let config = blocks(&json!([
        { "id": 0, "targets": [[0, "load"]], "inputs": [6], "outputs": [7], "js": "() => ({})" },
        { "id": 1, "targets": [[0, "load"]], "inputs": [], "outputs": [4] },
        { "id": 2, "targets": [[1, "submit"]], "inputs": [1, 2, 7], "outputs": [1, 2] },
    ]));
    let loaded = json!([{ "__type__": "update", "value": "m1" }]);
    let server = Server::start(script(&config, &[loaded, json!(["", said("hello")])])).await;
    let mut session = client(&server).build().unwrap().connect().await.unwrap();
    assert!(session.phases().load.is_some());
    assert_eq!(session.say("hi", &mut |_| {}).await.unwrap().text, "hello");
    let bodies: Vec<Value> = joins(&server).iter().map(Request::json).collect();
    let functions: Vec<_> = bodies.iter().map(|body| body["fn_index"].clone()).collect();
    assert_eq!(functions, [0, 2], "the load function that the chat does not need is left out");
    assert_eq!(bodies[0]["data"], json!([{}]), "JavaScript supplies this input");
    assert_eq!(bodies[1]["data"], json!(["hi", [], "m1"]));
    assert_eq!(bodies[0]["session_hash"], bodies[1]["session_hash"]);
}

#[tokio::test]
async fn rendered_components_are_used() {
    let config = blocks(&json!([
        { "id": 0, "targets": [[0, "load"]], "inputs": [], "outputs": [5], "render_id": 0 },
    ]));
    let rendered = json!({
        "components": [
            { "id": 20, "type": "chatbot", "props": { "value": [] } },
            { "id": 21, "type": "textbox", "props": {} },
        ],
        "dependencies": [
            { "id": 10, "targets": [[21, "submit"]], "inputs": [21, 20], "outputs": [21, 20] },
        ],
        "layout": { "id": 5, "children": [{ "id": 20 }, { "id": 21 }] },
    });
    let mut script = script(&config, &[json!([null]), json!(["", said("rendered")])]);
    let mut first = done("e1", &json!([null]));
    first["output"]["render_config"] = rendered;
    script.routes.get_mut("data").unwrap()[0] = vec![Do::Send(stream(&[first, close_stream()]))];
    let server = Server::start(script).await;
    assert_eq!(say(client(&server)).await.unwrap().text, "rendered");
    assert_eq!(joins(&server)[1].json()["fn_index"], 10);
}

#[tokio::test]
async fn chains_are_followed_as_by_the_page() {
    let user = json!([{ "role": "user", "content": "hi" }]);
    let failed = json!({
        "msg": "process_completed", "event_id": "e1", "success": false,
        "output": { "error": "no" },
    });
    let first_without_inputs = json!([
        { "id": 0, "targets": [[1, "submit"]], "inputs": [], "outputs": [1] },
        { "id": 1, "targets": [[null, "then"]], "trigger_after": 0, "inputs": [1, 2], "outputs": [1, 2] },
    ]);
    let javascript_first = json!([
        { "id": 0, "targets": [[1, "submit"]], "backend_fn": false, "js": "() => {}" },
        { "id": 1, "targets": [[null, "then"]], "trigger_after": 0, "inputs": [1, 2], "outputs": [1, 2] },
    ]);
    let by_change = json!([
        { "id": 0, "targets": [[1, "submit"]], "inputs": [1, 2], "outputs": [1, 2, 3] },
        { "id": 1, "targets": [[3, "change"]], "inputs": [3, 2], "outputs": [2] },
    ]);
    let on_failure = json!([
        { "id": 0, "targets": [[1, "submit"]], "inputs": [1, 2], "outputs": [2] },
        { "id": 1, "targets": [[null, "success"]], "trigger_after": 0, "trigger_only_on_success": true, "inputs": [2], "outputs": [2] },
        { "id": 2, "targets": [[null, "failure"]], "trigger_after": 0, "trigger_only_on_failure": true, "inputs": [2], "outputs": [2] },
    ]);
    let mut changes = done("e1", &json!(["", user, null]));
    changes["output"]["changed_state_ids"] = json!([3]);
    let cases = [
        (
            "first step without inputs",
            first_without_inputs.clone(),
            done("e1", &json!([{ "__type__": "update" }])),
            json!(["", said("a")]),
            vec![0, 1],
        ),
        ("chain by change of a state", by_change, changes, json!([said("a")]), vec![0, 1]),
        ("error and `.failure`", on_failure, failed, json!([said("a")]), vec![0, 2]),
        (
            "JavaScript first",
            javascript_first,
            done("e1", &json!(["", said("a")])),
            json!([]),
            vec![1],
        ),
    ];
    for (name, functions, first, second, expected) in cases {
        let mut script = script(&blocks(&functions), &[json!([]), second]);
        script.routes.get_mut("data").unwrap()[0] =
            vec![Do::Send(stream(&[first, close_stream()]))];
        let server = Server::start(script).await;
        let reply = say(client(&server)).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(reply.text, "a", "{name}");
        let ran: Vec<_> =
            joins(&server).iter().map(|join| join.json()["fn_index"].clone()).collect();
        assert_eq!(ran, expected, "{name}");
        let toasts: Vec<_> = reply.toasts.iter().map(|toast| toast.level.as_str()).collect();
        assert_eq!(toasts.len(), usize::from(name.contains("failure")), "{name}");
    }
}

#[tokio::test]
async fn parallel_branches_share_one_stream() {
    let config = blocks(&json!([
        { "id": 0, "targets": [[1, "submit"]], "inputs": [1, 2], "outputs": [2], "queue": true },
        { "id": 1, "targets": [[1, "submit"]], "inputs": [1, 8], "outputs": [8], "queue": true },
    ]));
    let messages = [
        json!({ "msg": "process_starts", "event_id": "e1" }),
        json!({ "msg": "process_starts", "event_id": "e2" }),
        done("e2", &json!([said("b")])),
        json!({ "msg": "heartbeat" }),
        done("e1", &json!([said("a")])),
        close_stream(),
    ];
    let mut script = script(&config, &[json!([]), json!([])]);
    script.routes.insert("data", vec![vec![Do::Send(stream(&messages))]]);
    let server = Server::start(script).await;
    let reply = say(client(&server)).await.unwrap();
    let mut texts = vec![reply.text.clone(), reply.others[0].text.clone()];
    texts.sort_unstable();
    assert_eq!((texts, reply.label.as_deref()), (vec!["a".to_owned(), "b".to_owned()], Some("A")));
    assert_eq!(reply.others[0].label.as_deref(), Some("B"));
    assert_eq!(server.count("data"), 1);
}

#[tokio::test]
async fn next_message_goes_to_the_box_that_is_shown() {
    let mut config = blocks(&json!([
        { "id": 0, "targets": [[1, "submit"]], "inputs": [1, 2], "outputs": [2, 1, 6] },
        { "id": 1, "targets": [[6, "submit"]], "inputs": [6, 2], "outputs": [2] },
    ]));
    config["components"].as_array_mut().unwrap().retain(|one| one["id"] != 6);
    let hidden = json!({ "id": 6, "type": "textbox", "props": { "visible": false } });
    config["components"].as_array_mut().unwrap().push(hidden);
    let shown = |visible: bool| json!({ "__type__": "update", "visible": visible });
    let first = json!([said("a"), shown(false), shown(true)]);
    let server = Server::start(script(&config, &[first, json!([said("b")])])).await;
    let mut session = client(&server).check_page(true).build().unwrap().connect().await.unwrap();
    for (message, reply) in [("hi", "a"), ("again", "b")] {
        assert_eq!(session.say(message, &mut |_| {}).await.unwrap().text, reply);
    }
    let bodies: Vec<Value> = joins(&server).iter().map(Request::json).collect();
    assert_eq!([&bodies[0]["fn_index"], &bodies[1]["fn_index"]], [0, 1]);
    assert_eq!(bodies[1]["data"][0], "again");
}

#[tokio::test]
async fn heartbeat_is_held_until_the_conversation_ends() {
    let mut config = plain();
    config["connect_heartbeat"] = json!(true);
    let script = script(&config, &[json!(["", said("hello")])])
        .on("heartbeat", [Do::Send([stream_head(), chunk(b"data: ALIVE\n\n")].concat()), Do::Wait]);
    let server = Server::start(script).await;
    let mut session = client(&server).build().unwrap().connect().await.unwrap();
    session.say("hi", &mut |_| {}).await.unwrap();
    server.wait_for("heartbeat").await;
    let body = joins(&server)[0].json();
    let session_hash = body["session_hash"].as_str().unwrap();
    let heartbeat =
        server.seen().into_iter().find(|one| one.path().contains("/heartbeat/")).unwrap();
    assert_eq!(heartbeat.path(), format!("/gradio_api/heartbeat/{session_hash}"));
    assert_eq!(server.closed(), 0);
    session.close().await;
    tokio::time::timeout(Duration::from_secs(5), server.wait_until_closed()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn compressed_stream_is_decoded_as_it_arrives() {
    let first = json!({
        "msg": "process_generating", "event_id": EVENT, "success": true,
        "output": { "data": ["", said("half")], "duration": 0.1 },
    });
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    for message in [starts(), first] {
        encoder.write_all(format!("data: {message}\n\n").as_bytes()).unwrap();
    }
    // A flush, not the end: the rest of the stream never arrives.
    encoder.flush().unwrap();
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n\
                 transfer-encoding: chunked\r\n\r\n";
    let sent = [head.to_vec(), chunk(encoder.get_ref())].concat();
    let mut script = script(&plain(), &[json!([])]);
    script.routes.insert("data", vec![vec![Do::Send(sent), Do::Wait]]);
    let server = Server::start(script).await;
    let limits = Limits { stall: Duration::from_millis(300), ..Limits::default() };
    let conversation = say(client(&server).limits(limits));
    let error = clock::with_server(&server, conversation).await.unwrap_err();
    assert_eq!(error.failure(), Failure::Stalled, "{error}");
    assert_eq!(error.partial().unwrap().text, "half");
}

#[tokio::test]
async fn outputs_without_a_reply_are_limited_too() {
    let config = blocks(&json!([
        { "id": 0, "targets": [[1, "submit"]], "inputs": [1, 2], "outputs": [2, 6] },
    ]));
    let generating = |data: Value| {
        event(&json!({
            "msg": "process_generating", "event_id": EVENT, "success": true,
            "output": { "data": data },
        }))
    };
    let first = [stream_head(), generating(json!([said("a"), "x"]))].concat();
    let more = generating(json!([[], [["append", [], "x".repeat(1_000)]]]));
    let mut script = script(&config, &[json!([])]);
    let acts = vec![Do::Send(first), Do::Repeat(more, Duration::ZERO)];
    script.routes.insert("data", vec![acts]);
    let server = Server::start(script).await;
    let limits = Limits { output_bytes: 100_000, ..Limits::default() };
    let error = say(client(&server).limits(limits)).await.unwrap_err();
    assert_eq!(error.failure(), Failure::TooLarge);
    assert!(error.prose().contains("more than 100000 bytes"), "{error}");
}

#[tokio::test]
async fn outputs_of_all_functions_count_against_one_limit() {
    let (chain, all) = (json!({ "trigger_after": 0 }), json!({ "targets": [[1, "submit"]] }));
    for (name, second) in [("chain", chain), ("parallel", all)] {
        let mut functions = json!([
            { "id": 0, "targets": [[1, "submit"]], "inputs": [1, 2], "outputs": [2] },
            { "id": 1, "inputs": [1, 8], "outputs": [8] },
        ]);
        functions[1].as_object_mut().unwrap().extend(second.as_object().unwrap().clone());
        let outputs = [json!([said(&"a".repeat(60_000))]), json!([said(&"b".repeat(60_000))])];
        for (limit, fits) in [(100_000, false), (1_000_000, true)] {
            let server = Server::start(script(&blocks(&functions), &outputs)).await;
            let limits = Limits { output_bytes: limit, ..Limits::default() };
            let outcome = say(client(&server).limits(limits)).await;
            let failure = outcome.as_ref().err().map(gradio::Error::failure);
            assert_eq!(failure, (!fits).then_some(Failure::TooLarge), "{name}");
        }
    }
}

#[tokio::test]
async fn toasts_cache_and_validators_are_reported() {
    let toast = json!({
        "msg": "log", "event_id": EVENT, "log": "provider is slow", "level": "warning", "title": "Warning",
    });
    let mut cached = done(EVENT, &json!(["", said("hello")]));
    cached["used_cache"] = json!("full");
    let mut script = script(&plain(), &[json!([])]);
    script.routes.insert("data", vec![vec![Do::Send(stream(&[toast, cached, close_stream()]))]]);
    let server = Server::start(script.clone()).await;
    let reply = say(client(&server)).await.unwrap();
    assert_eq!(reply.cached.as_deref(), Some("full"));
    assert_eq!(reply.toasts[0].text, "provider is slow");

    let rejected = json!({ "detail": [{ "is_valid": false, "message": "message too short" }] });
    let rejected = answer("422 Unprocessable Entity", &[], rejected.to_string().as_bytes());
    script.routes.insert("join", vec![vec![Do::Send(rejected)]]);
    let server = Server::start(script).await;
    let error = say(client(&server)).await.unwrap_err();
    assert_eq!(error.failure(), Failure::AppError);
    assert_eq!(error.prose(), "the app rejected the message: `message too short`");
}
