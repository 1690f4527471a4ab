use cli::Exit;

use crate::{fixtures, vigie};

fn path(name: &str) -> String {
    fixtures().join(name).to_string_lossy().into_owned()
}

#[tokio::test]
async fn check_reports_all_errors() {
    let done = vigie(&["check", &path("bad/many-mistakes.yaml")]).await;
    assert_eq!(done.exit, Exit::Failed);
    assert_eq!(done.err.matches("error: ").count(), 9, "{}", done.err);
    assert!(done.err.ends_with("9 errors in 1 file\n"), "{}", done.err);
}

#[tokio::test]
async fn check_counts_probes_without_errors() {
    let done = vigie(&["check", &path("good")]).await;
    assert_eq!((done.exit, done.err.as_str()), (Exit::Success, ""));
    assert_eq!(done.out, "7 probes checked, 1 disabled: no errors\n");
}

#[tokio::test]
async fn check_finds_a_missing_value_of_an_environment() {
    let text = "probe: bot\nevery: 1m\ntarget: { url: { dev: \"http://x\" } }\nconversation: [ { say: hi } ]\n";
    let (_folder, file) = crate::probe(text);
    let done = vigie(&["check", &file, "--environment", "prod"]).await;
    assert_eq!(done.exit, Exit::Failed);
    assert_eq!(done.err, "error: probe `bot`: `target.url` has no value for environment `prod`\n");
}

#[tokio::test]
async fn rendered_file_is_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().to_string_lossy().into_owned();
    let probes = path("good");
    let line = ["render", "--probes", &probes, "--output", &output];
    assert_eq!(vigie(&[&line[..], &["--check"]].concat()).await.exit, Exit::Down);
    let done = vigie(&line).await;
    assert!(
        done.exit == Exit::Success && done.out.starts_with("wrote "),
        "{}{}",
        done.out,
        done.err
    );
    let done = vigie(&[&line[..], &["--check"]].concat()).await;
    assert!(
        done.exit == Exit::Success && done.out.ends_with("alarms.yaml is up to date\n"),
        "{}",
        done.out
    );
}

#[tokio::test]
async fn schemas_are_valid_json() {
    let lines = [
        &["schema"][..],
        &["schema", "--report"],
        &["schema", "--routes"],
        &["schema", "--notification"],
    ];
    for line in lines {
        let schema: serde_json::Value = serde_json::from_str(&vigie(line).await.out).unwrap();
        assert!(schema["properties"].is_object());
    }
}

#[tokio::test]
async fn cost_lists_each_service_and_synthetics() {
    let done = vigie(&["cost", &path("good/smallest.yaml")]).await;
    assert_eq!(done.exit, Exit::Success, "{}", done.err);
    for line in [
        "Lambda",
        "CloudWatch metrics",
        "CloudWatch alarms",
        "Queues",
        "Logs",
        "Mail",
        "Total",
        "us-east-1",
    ] {
        assert!(done.out.contains(line), "{line}: {}", done.out);
    }
    assert!(
        done.out
            .lines()
            .any(|line| line.starts_with("smallest") && line.trim_end().ends_with("51.84")),
        "{}",
        done.out
    );
}
