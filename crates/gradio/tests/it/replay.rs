//! Replays recorded conversations of all versions. The client must send the recorded requests and
//! read the recorded replies.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gradio::{Client, Failure, Proxy};
use serde_json::Value;

use crate::support::transcript::{Transcript, replay};

fn transcripts() -> Vec<PathBuf> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/gradio/transcripts");
    let versions = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = versions
        .flat_map(|version| std::fs::read_dir(version).unwrap().map(|entry| entry.unwrap().path()))
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn recorded_conversations_are_replayed() {
    let files = transcripts();
    assert!(files.len() >= 103, "only {} transcripts", files.len());
    for file in files {
        let case = file.file_stem().unwrap().to_str().unwrap();
        let version = file.parent().unwrap().file_name().unwrap().to_str().unwrap();
        converse(&file, case, version).await;
    }
}

async fn converse(file: &Path, case: &str, version: &str) {
    let name = format!("{version} {case}");
    let transcript = Arc::new(Transcript::read(file));
    let (address, server) = replay(transcript.clone()).await;
    let path = if case == "subpath" { "/my/bot" } else { "" };
    let mut builder =
        Client::builder(format!("http://{address}{path}")).proxy(Proxy::None).check_page(false);
    if case == "auth" {
        builder = builder.login("u", "p");
    }
    let client = builder.build().unwrap();
    let mut session = client.connect().await.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(session.description().gradio_version, version, "{name}");
    assert_eq!(session.phases().login.is_some(), case == "auth", "{name}");

    for turn in transcript.turns() {
        let message = turn["message"].as_str().unwrap();
        let outcome = session.say(message, &mut |_| {}).await;
        assert_eq!(session.description().how.word(), turn["how"], "{name}");
        assert_eq!(session.description().endpoint_id, turn["fn"].as_u64().unwrap(), "{name}");
        match (outcome, turn.get("error")) {
            (Ok(reply), None) => {
                assert_eq!(words(&reply.text), expected(case, turn), "{name}, {message}");
                assert_eq!(reply.thinking.len(), usize::from(case == "thinking"), "{name}");
                assert_eq!(reply.parts.len(), usize::from(case == "rich"), "{name}");
                let chunks = usize::try_from(turn["chunks"].as_u64().unwrap()).unwrap();
                assert_eq!(reply.timing.chunks.len(), chunks.max(1), "{name}, {message}");
                assert!(reply.timing.queue.is_some(), "{name}");
                assert!(reply.timing.first_chunk <= reply.timing.first_text, "{name}");
                assert!(reply.timing.first_text <= reply.timing.reply, "{name}");
                assert!(reply.timing.server_processing.is_some(), "{name}");
                assert!(reply.timing.cold.is_some(), "{name}");
            }
            (Err(error), Some(_)) => {
                assert_eq!(error.failure(), Failure::AppError, "{name}: {error}");
                let partial = error.partial().unwrap();
                assert_eq!(partial.timing.reply, None, "{name}");
                assert_eq!(words(&partial.text), expected(case, turn), "{name}, {message}");
            }
            (outcome, error) => panic!("{name}, {message}: {outcome:?}, recorded {error:?}"),
        }
    }
    drop(session);
    server.await.unwrap_or_else(|error| panic!("{name}: {error}"));
}

/// The recorded reply. The recorder took components for text.
fn expected(case: &str, turn: &Value) -> String {
    match case {
        "rich" => "See the picture".to_owned(),
        _ => words(turn["reply"].as_str().unwrap()),
    }
}

/// The recorder joined messages in another way.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
