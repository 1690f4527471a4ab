use serde_json::json;

use super::*;

/// Text, then `[title: text]` for thinking and `<kind name>` for parts.
fn read(kind: &str, value: &Value) -> String {
    let content = Content::read(kind, value);
    let thinking = content.thinking.iter().map(|one| format!(" [{}: {}]", one.title, one.text));
    let parts = content.parts.iter().map(|one| match &one.name {
        Some(name) => format!(" <{} {name}>", one.kind),
        None => format!(" <{}>", one.kind),
    });
    content.text.clone() + &thinking.chain(parts).collect::<String>()
}

#[test]
fn text_is_read_from_every_shape() {
    let cases = [
        ("nothing", "textbox", json!(null), ""),
        ("text", "textbox", json!("hello"), "hello"),
        ("a number", "json", json!(42), "42"),
        ("an update", "textbox", json!({ "__type__": "update", "value": "hello" }), "hello"),
        (
            "an update of something else",
            "textbox",
            json!({ "__type__": "update", "visible": true }),
            "",
        ),
        ("pairs", "chatbot", json!([["a", "b"], ["c", "d"]]), "d"),
        ("a pair without an answer", "chatbot", json!([["a", "b"], ["c", null]]), ""),
        ("several bubbles", "chatbot", json!([["a", "b"], [null, "c"]]), "b\nc"),
        ("an empty chat", "chatbot", json!([]), ""),
        (
            "a file in a pair",
            "chatbot",
            json!([["a", { "file": { "path": "/tmp/x.png" }, "alt_text": null }]]),
            " <image x.png>",
        ),
        (
            "messages",
            "chatbot",
            json!([
                { "role": "user", "content": "a" }, { "role": "assistant", "content": "b" },
                { "role": "user", "content": "c" }, { "role": "assistant", "content": "d" },
            ]),
            "d",
        ),
        ("only a message of the user", "chatbot", json!([{ "role": "user", "content": "a" }]), ""),
        (
            "typed content",
            "chatbot",
            json!([{ "role": "assistant", "content": [{ "type": "text", "text": "a" }, { "type": "file", "file": { "path": "/x/y.pdf" } }] }]),
            "a <file y.pdf>",
        ),
        (
            "thinking",
            "json",
            json!([
                { "role": "assistant", "content": "hm", "metadata": { "title": "Thinking", "status": "done", "duration": 0.1 } },
                { "role": "assistant", "content": "42", "metadata": null },
            ]),
            "42 [Thinking: hm]",
        ),
        (
            "a component",
            "chatbot",
            json!([{ "role": "assistant", "content": { "component": "html", "value": "<b>b</b>" } }]),
            "b <html>",
        ),
        (
            "a component as Python prints it",
            "json",
            json!([{ "role": "assistant", "content": "<gradio.components.html.HTML object at 0x7f9cfa83d550>" }]),
            " <html>",
        ),
        ("a list of texts", "json", json!(["a", "b"]), "a\nb"),
        (
            "a multimodal value",
            "json",
            json!({ "text": "a", "files": [{ "path": "/x/z.wav" }] }),
            "a <file z.wav>",
        ),
        ("data", "json", json!({ "answer": [1, 2] }), r#"{"answer":[1,2]}"#),
        (
            "data with an address",
            "json",
            json!({ "answer": "Paris", "url": "https://example.com" }),
            r#"{"answer":"Paris","url":"https://example.com"}"#,
        ),
        (
            "data with a text",
            "json",
            json!({ "score": 1, "text": "a" }),
            r#"{"score":1,"text":"a"}"#,
        ),
        (
            "data with a file and a component",
            "json",
            json!([{ "component": "engine", "file": "a.rs", "line": 3 }]),
            r#"[{"component":"engine","file":"a.rs","line":3}]"#,
        ),
        (
            "a file",
            "json",
            json!({ "path": "/x/y.pdf", "url": null, "meta": { "_type": "gradio.FileData" }, "new": 1 }),
            " <file y.pdf>",
        ),
        ("a list of pairs in JSON", "json", json!([[1, 2]]), "[[1,2]]"),
        ("a label", "label", json!({ "label": "cat", "confidences": [] }), "cat"),
    ];
    for (name, kind, value, expected) in cases {
        assert_eq!(read(kind, &value), expected, "{name}");
    }
}

#[test]
fn files_and_images_are_parts() {
    let cases = [
        (
            "a file at an address with a query",
            "json",
            json!({ "path": null, "url": "https://u:p@a.b/file=/tmp/cat.png?token=secret#x" }),
            " <image cat.png>",
        ),
        (
            "an address without a path",
            "json",
            json!({ "path": null, "url": "https://u:p@a.b?token=secret" }),
            " <file>",
        ),
        (
            "a name with a query",
            "json",
            json!({ "path": null, "url": "https://u:p@a.b/cat.png?token=secret", "orig_name": "cat.png?token=secret" }),
            " <image cat.png>",
        ),
        (
            "an address as a name",
            "json",
            json!({ "path": null, "url": "https://a.b/cat", "orig_name": "https://u:p@a.b/cat.png#token=secret" }),
            " <image cat.png>",
        ),
        (
            "a name with a number sign",
            "json",
            json!({ "path": "/x/cat_1.png", "orig_name": "cat #1.png" }),
            " <image cat #1.png>",
        ),
        (
            "a name with a fragment",
            "json",
            json!({ "path": "/x/cat.png", "orig_name": "cat.png#token=secret" }),
            " <image cat.png>",
        ),
        (
            "data in an address",
            "json",
            json!({ "path": null, "url": "data:text/plain;base64,aGk/aGk=" }),
            " <file>",
        ),
        (
            "a file in a pair of Gradio 3",
            "chatbot",
            json!([["a", { "name": "/tmp/x/cat.png", "mime_type": "image/png", "alt_text": null, "data": null, "is_file": true }]]),
            " <image cat.png>",
        ),
        (
            "a gallery",
            "gallery",
            json!([{ "image": { "path": "/tmp/x/cat.png", "url": null, "meta": { "_type": "gradio.FileData" } }, "caption": null }]),
            " <image cat.png>",
        ),
        (
            "a video",
            "video",
            json!({ "video": { "path": "/tmp/x/cat.mp4", "meta": { "_type": "gradio.FileData" } }, "subtitles": null }),
            " <file cat.mp4>",
        ),
        ("a plot", "plot", json!({ "type": "plotly", "plot": "{\"data\":[]}" }), " <plot>"),
        ("data with an image", "json", json!({ "image": "cat" }), r#"{"image":"cat"}"#),
        ("an image of Gradio 3", "image", json!("data:image/png;base64,aGk="), " <image>"),
        (
            "a text about data",
            "textbox",
            json!("data:image/png;base64, is a prefix"),
            "data:image/png;base64, is a prefix",
        ),
    ];
    for (name, kind, value, expected) in cases {
        assert_eq!(read(kind, &value), expected, "{name}");
    }
}

#[test]
fn chatbot_shows_only_some_components() {
    let answer = |content| json!([{ "role": "assistant", "content": content }]);
    let cases = [
        (answer(json!({ "component": "plot", "value": {} })), " <plot>"),
        (answer(json!({ "component": "code", "value": "x = 1" })), ""),
        (answer(json!({ "component": "markdown", "value": "yes" })), ""),
        (answer(json!({ "component": "html", "value": "<p>yes</p>" })), "yes <html>"),
        (answer(json!({ "component": "html", "value": "<p></p>" })), ""),
        (
            answer(json!({ "component": "html", "value": "<iframe srcdoc='a map'></iframe>" })),
            " <html>",
        ),
        // The page removes it from a text.
        (answer(json!("<iframe srcdoc='a map'></iframe>")), ""),
        (answer(json!("<svg><text>a chart</text></svg>")), " <image> <html>"),
        (answer(json!("<p><svg></svg></p>")), ""),
        (answer(json!({ "component": "image", "value": null })), ""),
        (answer(json!({ "component": "gallery", "value": [] })), ""),
        (json!("<gradio.components.plot.Plot object at 0x7f9cfa83d550>"), " <plot>"),
        (json!("<gradio.components.code.Code object at 0x7f9cfa83d550>"), ""),
    ];
    for (value, expected) in cases {
        assert_eq!(read("chatbot", &value), expected, "{value}");
    }
}

#[test]
fn thinking_keeps_status_and_duration() {
    let value = json!([{ "role": "assistant", "content": "hm", "metadata": { "title": "T", "status": "pending", "duration": 0.25 } }]);
    let content = Content::read("json", &value);
    assert_eq!(
        content.thinking,
        [Thought {
            title: "T".to_owned(),
            text: "hm".to_owned(),
            status: Some("pending".to_owned()),
            duration: Some(Duration::from_millis(250)),
        }]
    );
    assert!(!content.has_answer());
    assert!(!content.is_empty());
}

#[test]
fn parts_of_a_highlighted_text_are_joined() {
    let part =
        |token: &str, class: Option<&str>| json!({ "token": token, "class_or_confidence": class });
    let value = json!([part("Hello ", None), part("Ada", Some("name"))]);
    assert_eq!(Content::read("highlightedtext", &value).text, "Hello Ada");
}

#[test]
fn titled_block_is_the_answer_if_it_stays_open() {
    for (status, text) in [(json!(null), "42"), (json!("pending"), ""), (json!("done"), "")] {
        let block = json!({ "role": "assistant", "content": "42", "metadata": { "title": "Answer", "status": status } });
        let mut content = Content::read("chatbot", &json!([block]));
        content.finish();
        assert_eq!(content.text, text, "{status}");
    }
}
