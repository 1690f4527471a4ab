//! Functions around the message: timers, steps in the browser only, errors, a locked message box.

use gradio::Failure;
use serde_json::{Value, json};

use crate::support::app::close_stream;
use crate::support::blocks::{blocks, client, done, joins, plain, said, say, script, stream};
use crate::support::scripted::{Do, Server};
use crate::support::wire::json_answer;

fn user() -> Value {
    json!([{ "role": "user", "content": "hi" }])
}

fn skip() -> Value {
    json!({ "__type__": "update" })
}

/// An app whose event only starts the work; a timer (9) fetches the answer.
fn timer_app(event_outputs: &Value, active: bool) -> Value {
    let mut config = blocks(&json!([
        { "id": 0, "targets": [[1, "submit"]], "inputs": [1, 2], "outputs": event_outputs },
        { "id": 1, "targets": [[9, "tick"]], "inputs": [2, 3], "outputs": [2], "queue": false },
        { "id": 2, "targets": [[9, "tick"]], "inputs": [], "outputs": [7], "queue": false },
    ]));
    let timer = json!({ "id": 9, "type": "timer", "props": { "value": 0.05, "active": active } });
    config["components"].as_array_mut().unwrap().push(timer);
    config
}

#[tokio::test]
async fn timer_brings_the_answer() {
    let update = |active: bool| json!({ "__type__": "update", "active": active });
    let cases = [
        ("event writes the chat", timer_app(&json!([1, 2, 3]), true), json!(["", user(), null])),
        ("event writes only the box", timer_app(&json!([1]), true), json!([""])),
        ("event starts the timer", timer_app(&json!([1, 9]), false), json!(["", update(true)])),
    ];
    for (name, config, output) in cases {
        let ticks = [json!([skip()]), json!([said("hel")]), json!([said("hello")])];
        let mut script = script(&config, &[output]);
        for data in ticks {
            script = script.send("predict", json_answer(&json!({ "data": data })));
        }
        let server = Server::start(script).await;
        let reply = say(client(&server)).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(reply.text, "hello", "{name}");
        assert_eq!(reply.timing.chunks.len(), 2, "{name}");
        assert_eq!(reply.timing.reply, reply.timing.chunks.last().copied(), "{name}");
        let functions: Vec<_> = server
            .seen()
            .iter()
            .filter(|one| one.path().ends_with("/predict"))
            .map(|one| one.json()["fn_index"].clone())
            .collect();
        assert!(functions.iter().all(|id| *id == 1), "{name}: {functions:?}");
    }
}

#[tokio::test]
async fn timer_without_an_answer_is_a_first_chunk_timeout() {
    let mut config = timer_app(&json!([1, 2, 3]), true);
    // The limit ends the wait for the timer, and no request.
    config["components"].as_array_mut().unwrap().last_mut().unwrap()["props"]["value"] =
        json!(3_600);
    let server = Server::start(script(&config, &[json!(["", user(), null])])).await;
    let conversation = std::time::Duration::from_secs(3);
    let limits = gradio::Limits { conversation, ..gradio::Limits::default() };
    let error = say(client(&server).limits(limits)).await.unwrap_err();
    assert_eq!(error.failure(), Failure::FirstChunkTimeout, "{error}");
    assert!(error.prose().contains("timer"), "{error}");
}

#[tokio::test]
async fn load_function_that_repeats_is_ended_after_its_first_chunk() {
    let config = blocks(&json!([
        { "id": 0, "targets": [[0, "load"]], "inputs": [], "outputs": [7], "every": 5.0 },
        { "id": 1, "targets": [[1, "submit"]], "inputs": [1, 2, 7], "outputs": [1, 2] },
    ]));
    let mut script = script(&config, &[json!([]), json!(["", said("hello")])]);
    let mut first = done("e1", &json!(["m1"]));
    first["msg"] = json!("process_generating");
    script.routes.get_mut("data").unwrap()[0] = vec![
        Do::Send(crate::support::wire::stream_head()),
        Do::Send(crate::support::wire::event(&first)),
        Do::Wait,
    ];
    let server = Server::start(script).await;
    assert_eq!(say(client(&server)).await.unwrap().text, "hello");
    assert_eq!(joins(&server)[1].json()["data"], json!(["hi", [], "m1"]));
    assert_eq!(server.count("cancel"), 1);
}

#[tokio::test]
async fn page_before_gradio_6_stops_after_javascript() {
    let mut config = blocks(&json!([
        { "id": 0, "targets": [[1, "submit"]], "backend_fn": false, "js": "() => {}" },
        { "id": 1, "targets": [[null, "then"]], "trigger_after": 0, "inputs": [1, 2], "outputs": [1, 2] },
    ]));
    for (version, check_page, works) in [
        ("3.50.2", true, false),
        ("4.44.1", true, false),
        ("4.44.1", false, true),
        ("5.50.0", true, false),
        ("6.31.0", true, true),
    ] {
        config["version"] = json!(version);
        let server = Server::start(script(&config, &[json!(["", said("hello")])])).await;
        let outcome = say(client(&server).check_page(check_page)).await;
        let failure = outcome.err().map(|error| error.failure());
        assert_eq!(failure, (!works).then_some(Failure::Page), "{version}");
    }
}

#[tokio::test]
async fn then_after_an_error_runs_as_in_the_page() {
    let mut config = blocks(&json!([
        { "id": 0, "targets": [[1, "submit"]], "inputs": [1, 2], "outputs": [2] },
        { "id": 1, "targets": [[null, "then"]], "trigger_after": 0, "inputs": [2], "outputs": [2] },
    ]));
    for (version, runs) in [("4.44.1", true), ("5.50.0", true), ("6.31.0", false)] {
        config["version"] = json!(version);
        let mut script = script(&config, &[json!([]), json!([said("sorry")])]);
        let failed = json!({
            "msg": "process_completed", "event_id": "e1", "success": false, "output": { "error": "no" },
        });
        script.routes.get_mut("data").unwrap()[0] =
            vec![Do::Send(stream(&[failed, close_stream()]))];
        let server = Server::start(script).await;
        match say(client(&server)).await {
            Ok(reply) => assert_eq!((reply.text.as_str(), runs), ("sorry", true), "{version}"),
            Err(error) => {
                assert_eq!((error.failure(), runs), (Failure::AppError, false), "{version}");
            }
        }
    }
}

#[tokio::test]
async fn message_box_is_checked_before_each_turn() {
    let lock = |interactive: bool| json!({ "__type__": "update", "interactive": interactive });
    let unlocking = json!([
        { "id": 0, "targets": [[1, "submit"]], "inputs": [], "outputs": [1] },
        { "id": 1, "targets": [[null, "then"]], "trigger_after": 0, "inputs": [1, 2], "outputs": [2] },
        { "id": 2, "targets": [[null, "then"]], "trigger_after": 1, "inputs": [], "outputs": [1] },
    ]);
    let turn = |last: Value| vec![json!([lock(false)]), json!([said("hello")]), json!([last])];
    let cases = [
        ("unlocked at the end", blocks(&unlocking), turn(lock(true)), None),
        ("locked for good", blocks(&unlocking), turn(skip()), Some("disabled")),
        (
            "hidden after a turn",
            plain(),
            vec![json!([{ "__type__": "update", "visible": false }, said("hello")])],
            Some("hidden"),
        ),
    ];
    for (name, config, outputs, expected) in cases {
        let outputs: Vec<Value> = outputs.iter().chain(&outputs).cloned().collect();
        let server = Server::start(script(&config, &outputs)).await;
        let mut session = client(&server).build().unwrap().connect().await.unwrap();
        assert_eq!(session.say("hi", &mut |_| {}).await.unwrap().text, "hello", "{name}");
        let second = session.say("hi", &mut |_| {}).await;
        match (second, expected) {
            (Ok(_), None) => {}
            (Err(error), Some(text)) => {
                assert_eq!(error.failure(), Failure::Page, "{name}");
                assert!(error.prose().contains(text), "{name}: {error}");
            }
            (outcome, _) => panic!("{name}: {outcome:?}"),
        }
    }
}
