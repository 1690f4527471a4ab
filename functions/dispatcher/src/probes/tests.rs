use std::fs;

use aws_sdk_s3::Client as S3;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::operation::list_objects_v2::{ListObjectsV2Error, ListObjectsV2Output};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::Object;
use aws_sdk_s3::types::error::NoSuchKey;
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};

use super::*;

mod stored;

fn config(probes: &str) -> Config {
    let env = |name: &str| match name {
        "VIGIE_ENVIRONMENT" => Some("prod".to_owned()),
        "RUNS_QUEUE_URL" => Some("http://queue".to_owned()),
        "REPORT_BUCKET" => Some("reports".to_owned()),
        "PROBES" => Some(probes.to_owned()),
        _ => None,
    };
    Config::from_env(env).unwrap()
}

/// No probes are stored.
fn bucket(rules: &[&Rule]) -> Source {
    let nothing = nothing_stored();
    let rules = [&[&nothing], rules].concat();
    let s3 = mock_client!(aws_sdk_s3, RuleMode::Sequential, rules);
    Source::new(&config("s3://probes/here"), s3)
}

fn folder(path: &str) -> Source {
    Source::new(&config(path), mock_client!(aws_sdk_s3, [&nothing_stored()]))
}

fn nothing_stored() -> Rule {
    mock!(S3::get_object)
        .match_requests(|request| request.bucket() == Some("reports"))
        .then_error(|| GetObjectError::NoSuchKey(NoSuchKey::builder().build()))
}

fn listing(files: &'static [(&str, &str)]) -> Rule {
    mock!(S3::list_objects_v2).then_output(move || {
        let object = |(key, etag): &(&str, &str)| Object::builder().key(*key).e_tag(*etag).build();
        ListObjectsV2Output::builder()
            .set_contents(Some(files.iter().map(object).collect()))
            .build()
    })
}

fn text(name: &str) -> String {
    format!(
        "probe: {name}\nevery: 1m\ntarget: {{ url: \"http://x\" }}\nconversation: [{{ say: hi }}]\n"
    )
}

fn object(key: &'static str, text: String) -> Rule {
    mock!(S3::get_object).match_requests(move |request| request.key() == Some(key)).then_output(
        move || {
            GetObjectOutput::builder().body(ByteStream::from(text.clone().into_bytes())).build()
        },
    )
}

/// Names of the probes, and the problems.
async fn load(source: &Source) -> (Vec<String>, Vec<String>) {
    let loaded = source.load().await.unwrap();
    let names = loaded.probes.iter().map(|probe| probe.name.to_string()).collect();
    (names, loaded.problems.clone())
}

async fn names(source: &Source) -> Vec<String> {
    let (names, problems) = load(source).await;
    assert_eq!(problems, Vec::<String>::new());
    names
}

#[test]
fn probe_of_another_environment_is_disabled() {
    let config = config("/opt");
    let (plain, lacks) = (r#""http://x""#, r#""${NOT_SET}""#);
    let cases = [
        // name, more of the file, URL, enabled, is an error
        ("runs", "", plain, Some(true), false),
        ("lacks its URL", "", lacks, None, true),
        ("disabled", "enabled: false\n", plain, Some(false), false),
        ("disabled without its URL", "enabled: false\n", lacks, None, false),
        ("another environment", "environments: [dev]\n", plain, Some(false), false),
        ("another environment without its URL", "environments: [dev]\n", lacks, None, false),
    ];
    for (name, more, url, enabled, is_error) in cases {
        let text = format!(
            "probe: bot\nevery: 1m\n{more}target: {{ url: {url} }}\nconversation: [{{ say: hi }}]\n"
        );
        let parsed = parse(&config, "bot.yaml", &text);
        assert_eq!(parsed.is_err(), is_error, "{name}");
        let probe = parsed.ok().and_then(|content| content.probe);
        assert_eq!(probe.map(|probe| probe.enabled), enabled, "{name}");
    }
}

#[tokio::test]
async fn only_changed_objects_are_read_and_deleted_ones_are_removed() {
    let source = bucket(&[
        &listing(&[("here/a.yaml", "1"), ("here/b.yaml", "1"), ("here/readme.md", "1")]),
        &object("here/a.yaml", text("a")),
        &object("here/b.yaml", text("b")),
        &listing(&[("here/a.yaml", "1"), ("here/b.yaml", "1")]),
        &listing(&[("here/a.yaml", "1"), ("here/b.yaml", "2")]),
        &object("here/b.yaml", text("c")),
        &listing(&[("here/b.yaml", "2")]),
    ]);
    assert_eq!(names(&source).await, ["a", "b"]);
    assert_eq!(names(&source).await, ["a", "b"]);
    assert_eq!(names(&source).await, ["a", "c"]);
    assert_eq!(names(&source).await, ["c"]);
}

#[tokio::test]
async fn unreadable_object_keeps_its_probe_and_is_read_again() {
    let failing =
        mock!(S3::get_object).then_error(|| GetObjectError::unhandled("service unavailable"));
    let source = bucket(&[
        &listing(&[("here/a.yaml", "1")]),
        &object("here/a.yaml", text("a")),
        &listing(&[("here/a.yaml", "2")]),
        &failing,
        &listing(&[("here/a.yaml", "2")]),
        &object("here/a.yaml", text("b")),
    ]);
    assert_eq!(names(&source).await, ["a"]);
    let (kept, problems) = load(&source).await;
    assert_eq!(kept, ["a"]);
    assert!(problems[0].starts_with("could not read `here/a.yaml`"), "{problems:?}");
    assert_eq!(names(&source).await, ["b"]);
}

#[tokio::test]
async fn invalid_file_keeps_its_last_good_version() {
    let source = bucket(&[
        &listing(&[("here/a.yaml", "1")]),
        &object("here/a.yaml", text("a")),
        &listing(&[("here/a.yaml", "2")]),
        &object("here/a.yaml", text("a").replace("1m", "45s")),
        // Not read again until it changes.
        &listing(&[("here/a.yaml", "2")]),
        &listing(&[("here/a.yaml", "3")]),
        &object("here/a.yaml", text("b")),
    ]);
    assert_eq!(names(&source).await, ["a"]);
    for _ in 0..2 {
        let (kept, problems) = load(&source).await;
        assert_eq!(kept, ["a"]);
        let [problem] = &problems[..] else { panic!("{problems:?}") };
        assert!(problem.ends_with("the last good version stays active"), "{problem}");
    }
    assert_eq!(names(&source).await, ["b"]);
}

#[tokio::test]
async fn known_probes_stay_active_when_the_list_fails() {
    let failing =
        || mock!(S3::list_objects_v2).then_error(|| ListObjectsV2Error::unhandled("unavailable"));
    let source = bucket(&[
        &listing(&[("here/a.yaml", "1")]),
        &object("here/a.yaml", text("a")),
        &failing(),
        &listing(&[("here/a.yaml", "1")]),
    ]);
    assert_eq!(names(&source).await, ["a"]);
    let (kept, problems) = load(&source).await;
    assert_eq!(kept, ["a"]);
    assert!(problems[0].starts_with("could not list `s3://probes/here`"), "{problems:?}");
    assert_eq!(names(&source).await, ["a"]);

    assert!(bucket(&[&failing()]).load().await.is_err(), "no probe is known");
}

fn same_name(file: &str, other: &str, kept: &str) -> String {
    format!(
        "probe `bot` is in `here/{file}` and in `here/{other}`; expected a unique name, `here/{file}` is refused{kept}"
    )
}

const KEPT: &str = "; the last good version stays active";

#[tokio::test]
async fn second_file_of_a_probe_does_not_replace_it() {
    let source = bucket(&[
        &listing(&[("here/b.yaml", "1")]),
        &object("here/b.yaml", text("bot")),
        &listing(&[("here/a.yaml", "1"), ("here/b.yaml", "1")]),
        &object("here/a.yaml", text("bot").replace("1m", "2m")),
        // A new content of the first file is refused too.
        &listing(&[("here/a.yaml", "1"), ("here/b.yaml", "2")]),
        &object("here/b.yaml", text("bot").replace("1m", "3m")),
        &listing(&[("here/a.yaml", "1")]),
    ]);
    let every = async || {
        let loaded = source.load().await.unwrap();
        let [probe] = &loaded.probes[..] else { panic!("{loaded:?}") };
        (probe.every.as_secs(), loaded.problems.clone())
    };
    assert_eq!(every().await, (60, vec![]));
    let problems = vec![same_name("a.yaml", "b.yaml", ""), same_name("b.yaml", "a.yaml", KEPT)];
    assert_eq!(every().await, (60, problems.clone()));
    assert_eq!(every().await, (60, problems));
    assert_eq!(every().await, (120, vec![]), "the other file was removed");
}

#[tokio::test]
async fn two_new_files_with_one_probe_are_both_refused() {
    let source = bucket(&[
        &listing(&[("here/b.yaml", "1"), ("here/a.yaml", "1")]),
        &object("here/b.yaml", text("bot")),
        &object("here/a.yaml", text("bot").replace("1m", "2m")),
        &listing(&[("here/b.yaml", "1")]),
    ]);
    let problems = vec![same_name("a.yaml", "b.yaml", ""), same_name("b.yaml", "a.yaml", "")];
    assert_eq!(load(&source).await, (vec![], problems));
    assert_eq!(names(&source).await, ["bot"]);
}

#[tokio::test]
async fn name_of_a_last_good_version_is_not_free() {
    let source = bucket(&[
        &listing(&[("here/a.yaml", "1"), ("here/c.yaml", "1")]),
        &object("here/a.yaml", text("bot")),
        &object("here/c.yaml", text("c")),
        &listing(&[("here/a.yaml", "2"), ("here/c.yaml", "2")]),
        &object("here/a.yaml", text("bot").replace("1m", "45s")),
        &object("here/c.yaml", text("bot")),
        // Its content is the name of the last good version of a file that is refused.
        &listing(&[("here/a.yaml", "2"), ("here/c.yaml", "2"), ("here/d.yaml", "1")]),
        &object("here/d.yaml", text("c")),
    ]);
    assert_eq!(names(&source).await, ["bot", "c"]);
    let (kept, problems) = load(&source).await;
    assert_eq!(kept, ["bot", "c"]);
    assert_eq!(problems[1], same_name("c.yaml", "a.yaml", KEPT));
    let (kept, problems) = load(&source).await;
    assert_eq!(kept, ["bot", "c"]);
    assert!(problems[2].starts_with("probe `c` is in `here/d.yaml` and in `here/c.yaml`"));
}

#[tokio::test]
async fn name_of_a_probe_of_another_environment_is_not_free() {
    let lacks = text("bot").replace("\"http://x\"", "{ dev: \"http://x\" }");
    let source = bucket(&[
        &listing(&[("here/a.yaml", "1"), ("here/b.yaml", "1")]),
        &object("here/a.yaml", format!("{lacks}environments: [dev]\n")),
        &object("here/b.yaml", text("bot")),
    ]);
    let (kept, problems) = load(&source).await;
    assert_eq!((kept.len(), problems.len()), (0, 2), "{problems:?}");
}

#[tokio::test]
async fn folder_is_read_again_when_a_file_changes() {
    let path = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(path.path().join(name), text).unwrap();
    write("a.yaml", &text("a"));
    write("b.yml", &text("b"));
    write("readme.md", "not a probe");
    let source = folder(path.path().to_str().unwrap());
    assert_eq!(names(&source).await, ["a", "b"]);
    write("b.yml", &text("longer-name"));
    assert_eq!(names(&source).await, ["a", "longer-name"]);
    fs::remove_file(path.path().join("a.yaml")).unwrap();
    assert_eq!(names(&source).await, ["longer-name"]);
    write("c.yaml", &"x".repeat(probe_file::LARGEST_FILE + 1));
    let (_, problems) = load(&source).await;
    assert!(problems[0].contains("c.yaml` is larger than 262144 bytes"), "{problems:?}");
    assert!(folder("/nonexistent/probes").load().await.is_err());
}
