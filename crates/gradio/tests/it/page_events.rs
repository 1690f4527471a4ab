//! What the page does around a message besides the functions that bring the answer, and what keeps a
//! user from sending the message or from seeing the answer.

use gradio::{Failure, Reply};
use serde_json::{Value, json};

use crate::support::app::close_stream;
use crate::support::blocks::{PAGE, blocks, client, done, joins, plain, said, say, script, stream};
use crate::support::scripted::{Do, Script, Server};
use crate::support::wire::{answer, detail, page};

fn update(name: &str, value: bool) -> Value {
    json!({ "__type__": "update", name: value })
}

/// Replaces the last message of an event, counted from 1.
fn end_with(script: &mut Script, event: usize, message: &Value) {
    script.routes.get_mut("data").unwrap()[event - 1] =
        vec![Do::Send(stream(&[message.clone(), close_stream()]))];
}

/// Whether the functions ran in this order.
fn ran(server: &Server) -> Vec<u64> {
    joins(server).iter().filter_map(|join| join.json()["fn_index"].as_u64()).collect()
}

#[tokio::test]
async fn function_runs_with_each_change() {
    let agent = blocks(&json!([
        { "id": 0, "targets": [[1, "submit"]], "inputs": [1, 2], "outputs": [1, 2] },
        { "id": 1, "targets": [[2, "change"]], "inputs": [2], "outputs": [2] },
    ]));
    let user = json!([{ "role": "user", "content": "hi" }]);
    let unchanged = json!([{ "__type__": "update" }]);
    let outputs = [json!(["", user]), json!([said("step")]), json!([said("answer")]), unchanged];
    let server = Server::start(script(&agent, &outputs)).await;
    assert_eq!(say(client(&server)).await.unwrap().text, "answer");
    assert_eq!(ran(&server), [0, 1, 1, 1]);
}

#[tokio::test]
async fn functions_of_the_event_run_beside_the_answer() {
    let app = blocks(&json!([
        { "id": 0, "targets": [[1, "submit"]], "inputs": [1, 2], "outputs": [1, 2] },
        { "id": 1, "targets": [[null, "then"]], "trigger_after": 0, "inputs": [2], "outputs": [4] },
        { "id": 2, "targets": [[null, "then"]], "trigger_after": 1, "inputs": [], "outputs": [] },
    ]));
    let failed = json!({
        "msg": "process_completed", "event_id": "e2", "success": false,
        "output": { "error": "cannot count" },
    });
    for (last, expected, toasts) in [
        (done("e2", &json!([null])), vec![0, 1, 2], vec![]),
        (failed, vec![0, 1], vec!["the app reported `cannot count`"]),
    ] {
        let mut script = script(&app, &[json!(["", said("hello")]), json!([]), json!([])]);
        end_with(&mut script, 2, &last);
        let server = Server::start(script).await;
        let Reply { text, toasts: shown, .. } = say(client(&server)).await.unwrap();
        let shown: Vec<_> = shown.iter().map(|toast| toast.text.as_str()).collect();
        assert_eq!((text.as_str(), shown), ("hello", toasts));
        assert_eq!(ran(&server), expected);
    }
}

#[tokio::test]
async fn error_without_a_text_counts_on_a_visible_output() {
    let failed = json!({
        "msg": "process_completed", "event_id": "e2", "success": false, "output": { "error": null },
    });
    for (outputs, expected) in [
        (json!([2]), Err(Failure::AppError)),
        (json!([3]), Ok("hello".to_owned())),
        (json!([]), Ok("hello".to_owned())),
    ] {
        let app = blocks(&json!([
            { "id": 0, "targets": [[1, "submit"]], "inputs": [1, 2], "outputs": [1, 2] },
            { "id": 1, "targets": [[null, "then"]], "trigger_after": 0, "inputs": [2], "outputs": outputs },
        ]));
        let mut script = script(&app, &[json!(["", said("hello")]), json!([])]);
        end_with(&mut script, 2, &failed);
        let server = Server::start(script).await;
        let outcome = say(client(&server)).await;
        let outcome = outcome.map(|reply| reply.text).map_err(|error| error.failure());
        assert_eq!(outcome, expected, "{outputs}");
    }
}

#[tokio::test]
async fn functions_of_typing_run_before_the_message() {
    let app = blocks(&json!([
        { "id": 0, "targets": [[1, "change"]], "inputs": [1], "outputs": [3] },
        { "id": 1, "targets": [[1, "change"]], "inputs": [1], "outputs": [6] },
        { "id": 2, "targets": [[4, "click"]], "inputs": [3, 2], "outputs": [2] },
    ]));
    // What the message does not need runs beside it, so the order of the last two is open.
    let outputs = [json!([null]), json!([said("hello")]), json!([said("hello")])];
    let server = Server::start(script(&app, &outputs)).await;
    assert_eq!(say(client(&server)).await.unwrap().text, "hello");
    let mut ran = ran(&server);
    assert_eq!(ran[0], 0);
    ran.sort_unstable();
    assert_eq!(ran, [0, 1, 2]);
    assert_eq!(joins(&server)[0].json()["data"], json!(["hi"]));
}

#[tokio::test]
async fn load_functions_go_on_when_one_fails() {
    let app = blocks(&json!([
        { "id": 0, "targets": [[9, "load"]], "inputs": [], "outputs": [6] },
        { "id": 1, "targets": [[9, "load"]], "inputs": [], "outputs": [7] },
        { "id": 2, "targets": [[1, "submit"]], "inputs": [1, 2, 6, 7], "outputs": [1, 2] },
    ]));
    let failed = json!({
        "msg": "process_completed", "event_id": "e1", "success": false, "output": { "error": "no" },
    });
    let outputs = [json!([]), json!(["a model"]), json!(["", said("hello")])];
    let mut script = script(&app, &outputs);
    end_with(&mut script, 1, &failed);
    let server = Server::start(script).await;
    assert_eq!(say(client(&server)).await.unwrap().text, "hello");
    assert_eq!(ran(&server), [0, 1, 2]);
    assert_eq!(joins(&server)[2].json()["data"][3], "a model");
}

#[tokio::test]
async fn click_into_the_box_comes_before_typing() {
    let app = blocks(&json!([
        { "id": 0, "targets": [[1, "change"]], "inputs": [1], "outputs": [3] },
        { "id": 1, "targets": [[1, "focus"]], "inputs": [1], "outputs": [3] },
        { "id": 2, "targets": [[4, "click"]], "inputs": [3, 2], "outputs": [2] },
    ]));
    let outputs = [json!([null]), json!([null]), json!([said("hello")])];
    let server = Server::start(script(&app, &outputs)).await;
    assert_eq!(say(client(&server)).await.unwrap().text, "hello");
    assert_eq!(ran(&server), [1, 0, 2]);
    assert_eq!(joins(&server)[0].json()["data"], json!([""]));
}

#[tokio::test]
async fn button_that_cannot_be_pressed_is_a_failure() {
    let click = json!({ "id": 0, "targets": [[4, "click"]], "inputs": [1, 2], "outputs": [1, 2] });
    let typing = json!({ "id": 1, "targets": [[1, "input"]], "inputs": [1], "outputs": [4] });
    let enter = json!({
        "id": 0, "targets": [[4, "click"], [1, "submit"]], "inputs": [1, 2], "outputs": [1, 2],
    });
    let javascript = json!({
        "id": 1, "targets": [[1, "input"]], "backend_fn": false, "js": "() => {}", "outputs": [4],
    });
    let answer = json!(["", said("hello")]);
    let enable = update("interactive", true);
    let cases = [
        ("enabled", vec![&click], json!({}), vec![&answer], None),
        (
            "disabled",
            vec![&click],
            json!({ "interactive": false }),
            vec![&answer],
            Some("disabled"),
        ),
        ("hidden", vec![&click], json!({ "visible": false }), vec![&answer], Some("hidden")),
        ("Enter sends too", vec![&enter], json!({ "interactive": false }), vec![&answer], None),
        (
            "JavaScript may enable it",
            vec![&click, &javascript],
            json!({ "interactive": false }),
            vec![&answer],
            None,
        ),
        (
            "typing enables it",
            vec![&click, &typing],
            json!({ "interactive": false }),
            vec![&enable, &answer],
            None,
        ),
    ];
    for (name, functions, props, outputs, expected) in cases {
        let mut config = blocks(&json!(functions));
        config["components"][3]["props"] = props;
        let outputs: Vec<Value> = outputs
            .into_iter()
            .map(|output| if output.is_array() { output.clone() } else { json!([output]) })
            .collect();
        let server = Server::start(script(&config, &outputs)).await;
        match (say(client(&server)).await, expected) {
            (Ok(reply), None) => assert_eq!(reply.text, "hello", "{name}"),
            (Err(error), Some(text)) => {
                assert_eq!(error.failure(), Failure::Page, "{name}");
                assert!(error.prose().contains(text), "{name}: {error}");
            }
            (outcome, _) => panic!("{name}: {outcome:?}"),
        }
    }
}

#[tokio::test]
async fn answer_in_a_hidden_chatbot_is_a_failure() {
    let cases = [
        ("still hidden", false, json!([1, 2, 9]), Err(Failure::Page)),
        ("shown by the turn", true, json!([1, 2, 9]), Ok("hello")),
        ("hidden beside a text", false, json!([1, 2, 9, 10]), Ok("text")),
        ("shown beside a text", true, json!([1, 2, 9, 10]), Ok("hello")),
    ];
    for (name, shown, outputs, expected) in cases {
        let mut app = blocks(&json!([
            { "id": 0, "targets": [[1, "submit"]], "inputs": [1, 2], "outputs": outputs },
        ]));
        let text = json!({ "id": 10, "type": "markdown", "props": {} });
        app["components"].as_array_mut().unwrap().push(text);
        let column = json!({ "id": 9, "type": "column", "props": { "visible": false } });
        app["components"].as_array_mut().unwrap().push(column);
        app["layout"] = json!({ "id": 0, "children": [
            { "id": 1 }, { "id": 9, "children": [{ "id": 2 }] },
        ] });
        let output = json!(["", said("hello"), update("visible", shown), "text"]);
        let server = Server::start(script(&app, &[output])).await;
        let outcome = say(client(&server)).await;
        let outcome = outcome.as_ref().map(|reply| reply.text.as_str());
        assert_eq!(outcome.map_err(gradio::Error::failure), expected, "{name}");
    }
}

#[tokio::test]
async fn chatbot_that_the_answer_shows_is_the_reply() {
    for (shown, expected) in [(true, "hello"), (false, "text")] {
        let mut app = blocks(&json!([
            { "id": 0, "targets": [[1, "submit"]], "inputs": [1], "outputs": [1, 2, 10] },
        ]));
        app["components"][1]["props"]["visible"] = json!(false);
        let text = json!({ "id": 10, "type": "markdown", "props": {} });
        app["components"].as_array_mut().unwrap().push(text);
        let mut chat = update("visible", shown);
        chat["value"] = said("hello");
        let server = Server::start(script(&app, &[json!(["", chat, "text"])])).await;
        assert_eq!(say(client(&server)).await.unwrap().text, expected);
    }
}

#[tokio::test]
async fn first_tab_of_gradio_6_is_selected_when_the_page_loads() {
    let functions = json!([
        { "id": 0, "targets": [[21, "select"]], "inputs": [], "outputs": [7] },
        { "id": 1, "targets": [[22, "select"]], "inputs": [], "outputs": [7] },
        { "id": 2, "targets": [[1, "submit"]], "inputs": [1, 2, 7], "outputs": [1, 2] },
    ]);
    for (version, expected) in [("6.31.0", vec![0, 2]), ("5.50.0", vec![2])] {
        let mut app = blocks(&functions);
        app["version"] = json!(version);
        let components = app["components"].as_array_mut().unwrap();
        components.extend([21, 22].map(|id| json!({ "id": id, "type": "tabitem", "props": {} })));
        app["layout"] = json!({ "id": 0, "children": [{ "id": 20, "children": [
            { "id": 21, "children": [{ "id": 1 }, { "id": 2 }] }, { "id": 22 },
        ] }] });
        let mut outputs = vec![json!(["", said("hello")])];
        if expected.len() > 1 {
            outputs.insert(0, json!(["session"]));
        }
        let server = Server::start(script(&app, &outputs)).await;
        assert_eq!(say(client(&server)).await.unwrap().text, "hello", "{version}");
        assert_eq!(ran(&server), expected, "{version}");
    }
}

#[tokio::test]
async fn load_functions_are_followed_by_changes() {
    let app = blocks(&json!([
        { "id": 0, "targets": [[0, "load"]], "inputs": [], "outputs": [7] },
        { "id": 1, "targets": [[7, "change"]], "inputs": [7], "outputs": [3] },
        { "id": 2, "targets": [[1, "submit"]], "inputs": [1, 2, 3], "outputs": [1, 2] },
    ]));
    let outputs = [json!(["m2"]), json!([null]), json!(["", said("hello")])];
    let server = Server::start(script(&app, &outputs)).await;
    assert_eq!(say(client(&server)).await.unwrap().text, "hello");
    assert_eq!(ran(&server), [0, 1, 2]);
    assert_eq!(joins(&server)[1].json()["data"], json!(["m2"]));
}

/// What a `gr.render` function returns: a chat with these messages, and a box that sends.
fn rendered(first: u64, chat: &Value) -> Value {
    let (box_id, chat_id, function) = (first, first + 1, first + 2);
    json!({
        "render_id": 0,
        "components": [
            { "id": chat_id, "type": "chatbot", "props": { "value": chat }, "rendered_in": 0 },
            { "id": box_id, "type": "textbox", "props": {}, "rendered_in": 0 },
        ],
        "dependencies": [{
            "id": function, "targets": [[box_id, "submit"]], "inputs": [box_id, chat_id],
            "outputs": [3], "rendered_in": 0,
        }],
        "layout": { "id": 5, "children": [{ "id": chat_id }, { "id": box_id }] },
    })
}

#[tokio::test]
async fn chat_that_is_rendered_again_is_the_reply() {
    let app = blocks(&json!([
        { "id": 0, "targets": [[0, "load"], [3, "change"]], "inputs": [3], "outputs": [], "render_id": 0 },
    ]));
    let render = |event: &str, first: u64, chat: &Value| {
        let mut message = done(event, &json!([]));
        message["output"]["render_config"] = rendered(first, chat);
        message
    };
    let change = |event: &str| {
        let mut message = done(event, &json!([null]));
        message["output"]["changed_state_ids"] = json!([3]);
        message
    };
    let mut both = said("one").as_array().unwrap().clone();
    both.extend(said("two").as_array().unwrap().clone());
    let mut script = script(&app, &vec![json!([]); 5]);
    end_with(&mut script, 1, &render("e1", 20, &json!([])));
    end_with(&mut script, 2, &change("e2"));
    end_with(&mut script, 3, &render("e3", 30, &said("one")));
    end_with(&mut script, 4, &change("e4"));
    end_with(&mut script, 5, &render("e5", 40, &json!(both)));
    let server = Server::start(script).await;
    let mut session = client(&server).build().unwrap().connect().await.unwrap();
    for expected in ["one", "two"] {
        let reply = session.say("hi", &mut |_| {}).await.unwrap();
        assert_eq!(reply.text, expected);
        assert!(reply.timing.first_text.is_some(), "{expected}");
    }
    assert_eq!(ran(&server), [0, 22, 0, 32, 0]);
    assert_eq!(joins(&server)[3].json()["data"], json!(["hi", said("one")]));
}

#[tokio::test]
async fn page_without_its_script_is_a_failure() {
    const OWN: &str = "./assets/index.js";
    let found = answer("200 OK", &[], b"export {}");
    let missing = detail("404 Not Found", "Not Found");
    let cases = [
        ("script", OWN, found.clone(), None),
        ("part of a script", OWN, answer("206 Partial Content", &[], b"e"), None),
        ("no script", OWN, missing.clone(), Some("`/assets/index.js` returned 404")),
        ("script of another host", "https://cdn.example.com/index.js", missing, None),
    ];
    for (name, address, script_answer, expected) in cases {
        let html = format!("{PAGE}<script type=\"module\" crossorigin src=\"{address}\"></script>");
        let mut script = script(&plain(), &[json!(["", said("hello")])]);
        script.routes.insert("page", vec![vec![Do::Send(page("200 OK", &html))]]);
        let server = Server::start(script.send("index.js", script_answer)).await;
        match (say(client(&server).check_page(true)).await, expected) {
            (Ok(reply), None) => assert_eq!(reply.text, "hello", "{name}"),
            (Err(error), Some(text)) => {
                assert_eq!(error.failure(), Failure::Page, "{name}");
                assert!(error.prose().contains(text), "{name}: {error}");
            }
            (outcome, _) => panic!("{name}: {outcome:?}"),
        }
    }
}

#[tokio::test]
async fn cookie_of_the_page_is_sent_with_the_message() {
    let set = |cookie: &'static str| answer("200 OK", &[("Set-Cookie", cookie)], PAGE.as_bytes());
    let config = |cookie: &'static str| {
        answer("200 OK", &[("Set-Cookie", cookie)], plain().to_string().as_bytes())
    };
    for (page, config, expected) in [
        (set("visit=1; Path=/"), config("other=2; Path=/"), "other=2; visit=1"),
        (set("node=a; Path=/"), config("node=b; Path=/"), "node=b"),
    ] {
        let mut script = script(&plain(), &[json!(["", said("hello")])]);
        script.routes.insert("page", vec![vec![Do::Send(page)]]);
        script.routes.insert("config", vec![vec![Do::Send(config)]]);
        let server = Server::start(script).await;
        assert_eq!(say(client(&server).check_page(true)).await.unwrap().text, "hello");
        let cookies = joins(&server)[0].header("cookie").map(str::to_owned).unwrap_or_default();
        let mut cookies: Vec<_> = cookies.split("; ").collect();
        cookies.sort_unstable();
        assert_eq!(cookies.join("; "), expected);
    }
}
