//! Files that are sent with a message.

use gradio::{Failure, Upload};
use serde_json::{Value, json};

use crate::support::blocks::{client, joins, plain, said, script};
use crate::support::scripted::{Script, Server};
use crate::support::wire::{answer, json_answer};

fn multimodal() -> Value {
    let mut config = plain();
    config["components"][0]["type"] = json!("multimodaltextbox");
    config
}

fn file() -> Upload {
    Upload { name: "a\"b.png".to_owned(), bytes: b"\x89PNG\r\n\0".to_vec() }
}

async fn send(script: Script) -> (Result<String, gradio::Error>, Server) {
    let server = Server::start(script).await;
    let mut session = client(&server).build().unwrap().connect().await.unwrap();
    let reply = session.say_with_files("hi", &[file()], &mut |_| {}).await;
    (reply.map(|reply| reply.text), server)
}

#[tokio::test]
async fn file_is_uploaded_and_sent_with_the_message() {
    let script = script(&multimodal(), &[json!([null, said("a cat")])])
        .send("upload", json_answer(&json!(["/tmp/gradio/1/ab.png"])));
    let (reply, server) = send(script).await;
    assert_eq!(reply.unwrap(), "a cat");

    let seen = server.seen();
    let upload = seen.iter().find(|one| one.path() == "/gradio_api/upload").unwrap();
    let boundary = upload.header("content-type").unwrap().split("boundary=").nth(1).unwrap();
    let body = String::from_utf8_lossy(&upload.body);
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a%22b.png\"\r\n\
         Content-Type: image/png\r\n\r\n"
    );
    assert!(body.starts_with(&head), "{body}");
    assert!(body.ends_with(&format!("\r\n--{boundary}--\r\n")), "{body}");

    let message = &joins(&server)[0].json()["data"][0];
    assert_eq!(message["text"], "hi");
    let sent = &message["files"][0];
    assert_eq!(sent["path"], "/tmp/gradio/1/ab.png");
    assert_eq!(sent["meta"]["_type"], "gradio.FileData");
    assert_eq!((&sent["mime_type"], &sent["size"]), (&json!("image/png"), &json!(7)));
}

#[tokio::test]
async fn failed_upload_fails_the_turn() {
    let too_large = answer("413 Content Too Large", &[], b"File size exceeded");
    let cases = [
        ("box without files", plain(), json_answer(&json!([])), Failure::Settings, "accept files"),
        ("no path returned", multimodal(), json_answer(&json!([])), Failure::StreamBroken, "path"),
        ("file refused", multimodal(), too_large, Failure::HttpStatus, "File size exceeded"),
    ];
    for (name, config, answer, failure, text) in cases {
        let script = script(&config, &[json!(["", said("hello")])]).send("upload", answer);
        let (reply, server) = send(script).await;
        let error = reply.unwrap_err();
        assert_eq!(error.failure(), failure, "{name}: {error}");
        assert!(error.prose().contains(text), "{name}: {error}");
        assert_eq!(joins(&server).len(), 0, "{name}");
    }
}
