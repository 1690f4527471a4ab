//! The page that users open: whether it works, its root, its query, one of several pages.

use gradio::{Client, Failure, Proxy};
use serde_json::{Value, json};

use crate::support::app;
use crate::support::blocks::{PAGE, blocks, client, joins, plain, said, say, script};
use crate::support::scripted::{Do, Script, Server};
use crate::support::wire::{answer, detail, page};

#[tokio::test]
async fn page_that_does_not_work_is_a_failure() {
    let cases = [
        ("working page", page("200 OK", PAGE), "", true, Ok(())),
        (
            "page rendered on the server",
            page("200 OK", "<html data-x><script>window.__gradio_mode__ = \"app\"</script>"),
            "",
            true,
            Ok(()),
        ),
        (
            "error page",
            page("500 Internal Server Error", "<title>Oops</title>"),
            "",
            true,
            Err("the page does not load: `/` returned 500"),
        ),
        ("error page, check off", page("500 Oops", "<title>Oops</title>"), "", false, Ok(())),
        (
            "another page",
            page("200 OK", "<html><title>Blog</title>"),
            "",
            true,
            Err("a page titled `Blog`"),
        ),
        ("root of the app", page("200 OK", PAGE), "http://HOST", true, Ok(())),
        (
            "root with another path",
            page("200 OK", PAGE),
            "http://HOST/app",
            true,
            Err("the proxy strips the path"),
        ),
        // The scripts of Gradio 6 take the scheme and the port from the page.
        ("root with another scheme", page("200 OK", PAGE), "https://HOST", true, Ok(())),
        (
            "root with another host",
            page("200 OK", PAGE),
            "http://10.0.0.1:7860",
            true,
            Err("so users cannot send messages"),
        ),
        ("wrong root, check off", page("200 OK", PAGE), "http://10.0.0.1", false, Ok(())),
    ];
    for (name, page, root, check, expected) in cases {
        let server = Server::start_with("127.0.0.1:0", |address| {
            let mut config = plain();
            config["root"] = json!(root.replace("HOST", &address.to_string()));
            let mut script = script(&config, &[json!(["", said("hello")])]);
            script.routes.insert("page", vec![vec![Do::Send(page)]]);
            only_once(script)
        })
        .await;
        let outcome = say(client(&server).check_page(check)).await;
        match (outcome, expected) {
            (Ok(reply), Ok(())) => assert_eq!(reply.text, "hello", "{name}"),
            (Err(error), Err(text)) => {
                assert_eq!(error.failure(), Failure::Page, "{name}: {error}");
                assert!(error.prose().contains(text), "{name}: {error}");
            }
            (outcome, _) => panic!("{name}: {outcome:?}"),
        }
    }
}

/// Lets the server answer the first request for the description only: there is no app at another path.
fn only_once(mut script: Script) -> Script {
    let missing = vec![Do::Send(detail("404 Not Found", "Not Found"))];
    script.routes.get_mut("config").unwrap().push(missing);
    script
}

#[tokio::test]
async fn root_at_which_the_app_answers_is_used() {
    let server = Server::start_with("127.0.0.1:0", |address| {
        let mut config = plain();
        config["root"] = json!(format!("http://{address}/app"));
        let mut script = script(&config, &[json!(["", said("hello")])]);
        script.routes.insert("page", vec![vec![Do::Send(page("200 OK", PAGE))]]);
        script
    })
    .await;
    assert_eq!(say(client(&server).check_page(true)).await.unwrap().text, "hello");
    assert!(joins(&server)[0].path().starts_with("/app/"));
}

#[tokio::test]
async fn root_counts_as_the_scripts_of_the_release_use_it() {
    let cases = [
        ("4.44.1", "https://HOST", false),
        ("4.44.1", "http://HOST/app", false),
        ("5.50.0", "http://HOST/app", true),
        ("5.50.0", "http://10.0.0.1", true),
        ("6.31.0", "https://HOST", true),
        ("6.31.0", "http://127.0.0.1:1", true),
        ("6.31.0", "http://HOST/app", false),
        ("6.31.0", "http://10.0.0.1", false),
    ];
    for (version, root, works) in cases {
        let server = Server::start_with("127.0.0.1:0", |address| {
            let mut config = plain();
            config["version"] = json!(version);
            config["root"] = json!(root.replace("HOST", &address.to_string()));
            let mut script = script(&config, &[json!(["", said("hello")])]);
            script.routes.insert("page", vec![vec![Do::Send(page("200 OK", PAGE))]]);
            only_once(script)
        })
        .await;
        let outcome = say(client(&server).check_page(true)).await;
        let failure = outcome.err().map(|error| error.failure());
        assert_eq!(failure, (!works).then_some(Failure::Page), "{version} {root}");
    }
}

#[tokio::test]
async fn page_is_requested_again_after_a_closed_connection() {
    let mut script = script(&plain(), &[json!(["", said("hello")])]);
    script.routes.insert("page", vec![vec![Do::Close], vec![Do::Send(page("200 OK", PAGE))]]);
    let server = Server::start(script).await;
    assert_eq!(say(client(&server)).await.unwrap().text, "hello");
    assert_eq!(server.count("page"), 2);
}

#[tokio::test]
async fn hidden_or_disabled_message_box_is_a_failure() {
    type Change = fn(&mut Value);
    let load = |update: Value| json!({ "__type__": "update" , "visible": update });
    let cases: [(&str, Change, Option<&str>); 5] = [
        ("visible", |_| {}, None),
        ("hidden", |app| app["components"][0]["props"]["visible"] = json!(false), Some("hidden")),
        (
            "hidden by its column",
            |app| app["components"][4]["props"]["visible"] = json!(false),
            Some("hidden"),
        ),
        (
            "disabled",
            |app| app["components"][0]["props"]["interactive"] = json!(false),
            Some("disabled"),
        ),
        (
            "shown by a load function",
            |app| {
                app["components"][4]["props"]["visible"] = json!(false);
                let load =
                    json!({ "id": 9, "targets": [[0, "load"]], "inputs": [], "outputs": [5] });
                app["dependencies"].as_array_mut().unwrap().push(load);
            },
            None,
        ),
    ];
    for (name, change, expected) in cases {
        let mut config = plain();
        change(&mut config);
        let reply = json!(["", said("hello")]);
        let loads = config["dependencies"].as_array().unwrap().len() > 1;
        let outputs = if loads { vec![json!([load(json!(true))]), reply] } else { vec![reply] };
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
async fn chat_interface_with_a_hidden_chatbot_is_a_failure() {
    let mut config = app::config(&json!("sse_v3"));
    let chat = json!({ "id": 7, "type": "chatbot", "props": { "visible": false } });
    config["components"].as_array_mut().unwrap().push(chat);
    let server = Server::start(script(&config, &[json!(["hello", null])])).await;
    let error = say(client(&server).check_page(true)).await.unwrap_err();
    assert_eq!(error.failure(), Failure::Page, "{error}");
    assert!(error.prose().contains("users see no answer"), "{error}");
}

#[tokio::test]
async fn query_of_the_page_is_sent_with_the_message() {
    let server = Server::start(script(&plain(), &[json!(["", said("hello")])])).await;
    let url = format!("{}/?tenant=acme", server.url());
    let builder = Client::builder(url).proxy(Proxy::None).query("lang", "fr");
    assert_eq!(say(builder).await.unwrap().text, "hello");
    for request in server.seen() {
        let query = "tenant=acme&lang=fr";
        let expected = !request.path().ends_with("/data");
        assert_eq!(request.target.contains(query), expected, "{}", request.target);
    }
}

#[tokio::test]
async fn query_after_redirects_is_sent_with_the_message() {
    for (to, expected) in [("/bot/?tenant=other", "?tenant=other"), ("/bot/", "")] {
        let mut script = script(&plain(), &[json!(["", said("hello")])]);
        let moved = answer("307 Temporary Redirect", &[("location", to)], b"");
        let open = page("200 OK", PAGE);
        script.routes.insert("page", vec![vec![Do::Send(moved)], vec![Do::Send(open)]]);
        let server = Server::start(script).await;
        let url = format!("{}/?tenant=acme", server.url());
        let builder = Client::builder(url).proxy(Proxy::None);
        assert_eq!(say(builder).await.unwrap().text, "hello");
        let join = server.seen().into_iter().find(|one| one.path().ends_with("/join")).unwrap();
        assert_eq!(join.target, format!("{}{expected}", join.path()));
    }
}

#[tokio::test]
async fn page_of_a_multi_page_app_is_the_target() {
    let mut config = blocks(&json!([
        { "id": 0, "targets": [[1, "submit"]], "inputs": [1, 2], "outputs": [1, 2] },
        { "id": 1, "targets": [[4, "click"]], "inputs": [1, 8], "outputs": [1, 8] },
    ]));
    config["page"] = json!({ "": { "dependencies": [0] }, "chat": { "dependencies": [1] } });
    config["current_page"] = json!("chat");
    let html = format!("<script>window.gradio_config = {config};</script>");
    let mut script = script(&config, &[json!(["", said("page bot")])]);
    script.routes.insert("config", vec![vec![Do::Send(detail("404 Not Found", "Not Found"))]]);
    let server = Server::start(script.send("chat", page("200 OK", &html))).await;
    let builder = Client::builder(format!("{}/chat", server.url())).proxy(Proxy::None);
    assert_eq!(say(builder).await.unwrap().text, "page bot");
    let join = &joins(&server)[0];
    assert_eq!((join.path(), &join.json()["fn_index"]), ("/gradio_api/queue/join", &json!(1)));
}

#[tokio::test]
async fn page_rendered_on_the_server_is_the_target() {
    let mut config = blocks(&json!([
        { "id": 0, "targets": [[1, "submit"]], "inputs": [1, 2], "outputs": [1, 2] },
        { "id": 1, "targets": [[4, "click"]], "inputs": [1, 8], "outputs": [1, 8] },
    ]));
    config["page"] = json!({ "": { "dependencies": [0] }, "chat": { "dependencies": [1] } });
    let html = page("200 OK", "<html><title>Gradio</title><script>__gradio_mode__</script>");
    let mut script = script(&config, &[json!(["", said("page bot")])]).send("chat", html.clone());
    // The first request is below the page, the second below the app.
    script.routes.get_mut("config").unwrap().insert(0, vec![Do::Send(html)]);
    let server = Server::start(script).await;
    let builder = Client::builder(format!("{}/chat", server.url())).proxy(Proxy::None);
    assert_eq!(say(builder).await.unwrap().text, "page bot");
    assert_eq!(joins(&server)[0].path(), "/gradio_api/queue/join");
}
