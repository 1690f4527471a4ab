//! Execution environments that start one after the other, with one bucket.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex as StdMutex, PoisonError};

use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_s3::primitives::DateTime;
use aws_smithy_mocks::MockResponse;
use jiff::SignedDuration;

use super::*;

const STORED: &str = "probes/last-good.jsonl";
const START: Timestamp = Timestamp::constant(1_795_000_020, 0);

/// Objects by key; the probe files and the stored probes are in one bucket.
#[derive(Default)]
struct Bucket {
    objects: StdMutex<BTreeMap<String, String>>,
    /// Operations that fail: `list`, `get`, `put`. Only those of the stored probes for the last two.
    failing: StdMutex<BTreeSet<&'static str>>,
    puts: AtomicUsize,
    /// When the stored probes were written, in seconds.
    written_at: StdMutex<i64>,
}

impl Bucket {
    fn set(&self, key: &str, text: impl Into<String>) {
        self.objects.lock().unwrap().insert(key.to_owned(), text.into());
    }

    fn remove(&self, key: &str) {
        self.objects.lock().unwrap().remove(key);
    }

    fn stored(&self) -> String {
        self.objects.lock().unwrap().get(STORED).cloned().unwrap_or_default()
    }

    fn fails(&self, operation: &str) -> bool {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner).contains(operation)
    }

    fn puts(&self) -> usize {
        self.puts.load(Ordering::Relaxed)
    }

    fn client(self: &Arc<Self>) -> S3 {
        let [listed, got, put] = [(); 3].map(|()| Arc::clone(self));
        let list = mock!(S3::list_objects_v2).then_compute_response(move |_| {
            if listed.fails("list") {
                return MockResponse::Error(ListObjectsV2Error::unhandled("unavailable"));
            }
            let objects = listed.objects.lock().unwrap();
            let object =
                |(key, text): (&String, &String)| Object::builder().key(key).e_tag(text).build();
            let files = objects.iter().filter(|(key, _)| key.starts_with("here/")).map(object);
            let files = files.collect();
            MockResponse::Output(ListObjectsV2Output::builder().set_contents(Some(files)).build())
        });
        let get = mock!(S3::get_object).then_compute_response(move |request| {
            let key = request.key().unwrap_or_default();
            if key == STORED && got.fails("get") {
                return MockResponse::Error(GetObjectError::unhandled("unavailable"));
            }
            let Some(text) = got.objects.lock().unwrap().get(key).cloned() else {
                return MockResponse::Error(GetObjectError::NoSuchKey(
                    NoSuchKey::builder().build(),
                ));
            };
            let written_at = DateTime::from_secs(*got.written_at.lock().unwrap());
            let body = ByteStream::from(text.into_bytes());
            let object = GetObjectOutput::builder().body(body).last_modified(written_at);
            MockResponse::Output(object.build())
        });
        let put = mock!(S3::put_object).then_compute_response(move |request| {
            assert_eq!((request.bucket(), request.key()), (Some("reports"), Some(STORED)));
            if put.fails("put") {
                return MockResponse::Error(PutObjectError::unhandled("unavailable"));
            }
            let text = request.body().bytes().unwrap().to_vec();
            put.set(STORED, String::from_utf8(text).unwrap());
            put.puts.fetch_add(1, Ordering::Relaxed);
            MockResponse::Output(PutObjectOutput::builder().build())
        });
        mock_client!(aws_sdk_s3, RuleMode::MatchAny, [&list, &get, &put])
    }

    /// A new execution environment.
    fn cold_start(self: &Arc<Self>) -> Source {
        Source::new(&config("s3://probes/here"), self.client())
    }
}

/// A minute: names of the probes, and the problems.
async fn minute(source: &Source, now: Timestamp) -> (Vec<String>, Vec<String>) {
    let loaded = load(source).await;
    source.store(now).await.unwrap();
    loaded
}

fn invalid(name: &str) -> String {
    text(name).replace("1m", "45s")
}

/// A bucket with the probe `a`, after an execution environment that stored it.
async fn with_stored_probe() -> Arc<Bucket> {
    let bucket = Arc::<Bucket>::default();
    *bucket.written_at.lock().unwrap() = START.as_second();
    bucket.set("here/a.yaml", text("a"));
    assert_eq!(minute(&bucket.cold_start(), START).await, (vec!["a".to_owned()], vec![]));
    assert_eq!(bucket.puts(), 1);
    bucket
}

#[tokio::test]
async fn invalid_file_keeps_its_probe_after_a_cold_start() {
    let bucket = with_stored_probe().await;
    bucket.set("here/a.yaml", invalid("a"));
    bucket.set("here/b.yaml", text("b"));
    for _ in 0..2 {
        let source = bucket.cold_start();
        let (names, problems) = minute(&source, START).await;
        assert_eq!(names, ["a", "b"]);
        let [problem] = &problems[..] else { panic!("{problems:?}") };
        assert!(problem.ends_with("the last good version stays active"), "{problem}");
    }
    bucket.set("here/a.yaml", text("c"));
    assert_eq!(names(&bucket.cold_start()).await, ["c", "b"]);
}

#[tokio::test]
async fn layer_in_another_folder_keeps_its_probes() {
    let bucket = Arc::<Bucket>::default();
    let layer = |text: String| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.yaml"), text).unwrap();
        folder
    };
    let load = async |folder: tempfile::TempDir| {
        let config = config(folder.path().to_str().unwrap());
        minute(&Source::new(&config, bucket.client()), START).await
    };
    assert_eq!(load(layer(text("a"))).await.0, ["a"]);
    let (names, problems) = load(layer(invalid("a"))).await;
    assert_eq!((names.as_slice(), problems.len()), (&["a".to_owned()][..], 1));
}

#[tokio::test]
async fn removed_probe_does_not_return() {
    let bucket = with_stored_probe().await;
    bucket.remove("here/a.yaml");
    assert_eq!(minute(&bucket.cold_start(), START).await.0, Vec::<String>::new());
    assert_eq!(bucket.stored(), "{\"version\":1}\n");
    bucket.set("here/a.yaml", invalid("a"));
    let (names, problems) = minute(&bucket.cold_start(), START).await;
    assert_eq!((names.len(), problems.len()), (0, 1));
    assert!(!problems[0].contains("last good"), "{problems:?}");
}

#[tokio::test]
async fn new_file_with_the_name_of_a_stored_probe_is_refused() {
    let bucket = with_stored_probe().await;
    bucket.set("here/0.yaml", text("a").replace("1m", "2m"));
    let source = bucket.cold_start();
    let loaded = source.load().await.unwrap();
    let [probe] = &loaded.probes[..] else { panic!("{loaded:?}") };
    assert_eq!((probe.every.as_secs(), loaded.problems.len()), (60, 2));
}

#[tokio::test]
async fn probes_are_stored_when_they_change_and_twice_a_day() {
    let bucket = with_stored_probe().await;
    let source = bucket.cold_start();
    let cases = [
        // minutes after the start, text of the file, objects written until then
        (1, text("a"), 1),
        (2, text("a"), 1),
        (3, invalid("a"), 1),
        (4, text("b"), 2),
        (5, format!("# a comment\n{}", text("b")), 2),
        (700, text("b"), 2),
        (723, text("b"), 2),
        (725, text("b"), 3),
        (726, text("b"), 3),
    ];
    for (minutes, text, puts) in cases {
        bucket.set("here/a.yaml", text);
        minute(&source, START + SignedDuration::from_mins(minutes)).await;
        assert_eq!(bucket.puts(), puts, "minute {minutes}");
    }
}

#[tokio::test]
async fn stored_probes_are_not_overwritten_until_they_are_read() {
    let bucket = with_stored_probe().await;
    bucket.set("here/a.yaml", invalid("a"));
    bucket.set("here/b.yaml", text("b"));
    bucket.failing.lock().unwrap().insert("get");
    let source = bucket.cold_start();
    let (names, problems) = minute(&source, START).await;
    assert_eq!((names.as_slice(), bucket.puts()), (&["b".to_owned()][..], 1));
    let expected = "could not read the last good probes from `s3://reports/probes/last-good.jsonl`";
    assert!(problems[1].starts_with(expected), "{problems:?}");

    bucket.failing.lock().unwrap().clear();
    let (names, problems) = minute(&source, START).await;
    assert_eq!(names, ["a", "b"]);
    assert_eq!((problems.len(), bucket.puts()), (1, 2), "{problems:?}");
}

#[tokio::test]
async fn stored_probes_run_when_the_first_list_fails() {
    let bucket = with_stored_probe().await;
    bucket.failing.lock().unwrap().insert("list");
    let source = bucket.cold_start();
    let (known, problems) = minute(&source, START).await;
    assert_eq!(known, ["a"]);
    assert!(problems[0].ends_with("the known probes stay active"), "{problems:?}");
    bucket.failing.lock().unwrap().clear();
    assert_eq!(names(&source).await, ["a"]);
}

#[tokio::test]
async fn failed_write_is_tried_again() {
    let bucket = Arc::<Bucket>::default();
    bucket.set("here/a.yaml", text("a"));
    bucket.failing.lock().unwrap().insert("put");
    let source = bucket.cold_start();
    assert_eq!(names(&source).await, ["a"]);
    let error = source.store(START).await.unwrap_err().to_string();
    let expected = "could not store the last good probes as `s3://reports/probes/last-good.jsonl`";
    assert_eq!(error, expected);
    bucket.failing.lock().unwrap().clear();
    minute(&source, START).await;
    assert_eq!(bucket.puts(), 1);
}

#[tokio::test]
async fn stored_lines_of_other_versions_are_left_out() {
    let bucket = with_stored_probe().await;
    let stored = bucket.stored();
    bucket.set("here/a.yaml", invalid("a"));
    let cases = [
        ("unknown line", format!("{stored}[\"/b.yaml\",{{\"name\":\"b\"}}]\n"), vec!["a"]),
        ("unknown version", stored.replace("\"version\":1", "\"version\":2"), vec![]),
        ("not JSON", "x".to_owned(), vec![]),
        ("empty", String::new(), vec![]),
    ];
    for (name, text, expected) in cases {
        bucket.set(STORED, text);
        assert_eq!(minute(&bucket.cold_start(), START).await.0, expected, "{name}");
        assert!(bucket.stored().starts_with("{\"version\":1}\n"), "{name}");
    }
}

#[tokio::test]
async fn too_large_text_is_replaced_by_an_empty_one() {
    let bucket = Arc::<Bucket>::default();
    let store = LastGood::new(bucket.client(), "reports".to_owned());
    let text = "x".repeat(16_000_001);
    let stored = store.write(text.clone(), START).await.unwrap();
    assert_eq!(bucket.stored(), "{\"version\":1}\n");
    assert!(!stored.differs(&text), "it is not written every minute");
}
