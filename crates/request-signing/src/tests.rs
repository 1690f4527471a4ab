use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_mocks::{MockResponse, Rule, RuleMode, mock, mock_client};

use super::*;

const ID: &str = "0123456789abcdef";

fn stored(bytes: &'static [u8]) -> Rule {
    mock!(Client::get_object)
        .match_requests(|request| request.key() == Some("signing/0123456789abcdef"))
        .then_output(move || {
            GetObjectOutput::builder().body(ByteStream::from_static(bytes)).build()
        })
}

fn verifier(rule: &Rule) -> Verifier {
    Verifier::new(mock_client!(aws_sdk_s3, RuleMode::MatchAny, [rule]), "bucket".to_owned())
}

/// `printf '%s' TEXT | openssl dgst -sha256 -mac HMAC -macopt hexkey:0c0c…` with 32 bytes.
#[test]
fn signature_equals_that_of_openssl() {
    let key = SigningKey::new(ID, &[0x0c; 32]).unwrap();
    let expected = "b05967a18b5ff5cc6d39e6fd55bc09bd694cc7938db3a2862982366e0d7f348e";
    assert_eq!(key.sign("run request"), expected);
    assert!(key.matches("run request", expected));
}

#[test]
fn message_of_another_version_is_rejected_with_its_number() {
    let error = SignedRequest::read(r#"{"version":1,"runs":[]}"#).unwrap_err().to_string();
    assert_eq!(error, "the message has version `1`; this program reads version 2");
    assert!(matches!(SignedRequest::read("{}"), Err(ReadError::Malformed(_))));
}

#[tokio::test]
async fn request_is_accepted_with_its_signature_only() {
    let key = SigningKey::new(ID, &[7; 32]).unwrap();
    let good = key.signed("{\"runs\":[]}".to_owned());
    let changed = SignedRequest { request: "{\"runs\":[1]}".to_owned(), ..good.clone() };
    let other = SigningKey::new(ID, &[8; 32]).unwrap().signed(good.request.clone());
    let forged = |key: &str, mac: &str| {
        let signature = Signature { key: key.to_owned(), mac: mac.to_owned() };
        SignedRequest::new(good.request.clone(), Some(signature))
    };
    let rows = [
        ("as signed", good.clone(), ""),
        ("changed text", changed, "does not match"),
        ("another key", other, "does not match"),
        ("no signature", SignedRequest::new(good.request.clone(), None), "is not signed"),
        ("empty signature", forged(ID, ""), "does not match"),
        ("not hexadecimal", forged(ID, "zz"), "does not match"),
        ("path instead of a key", forged("../reports/x", ""), "expected 16 hexadecimal digits"),
    ];
    let rule = stored(&[7; 32]);
    let verifier = verifier(&rule);
    for (name, request, expected) in rows {
        let found = verifier.verify(&request).await.map_err(|error| error.to_string());
        match found {
            Ok(()) => assert_eq!(expected, "", "{name}"),
            Err(error) => {
                assert!(!expected.is_empty() && error.contains(expected), "{name}: {error}");
            }
        }
    }
    assert_eq!(rule.num_calls(), 1, "the key is remembered");
}

#[tokio::test]
async fn stored_key_of_another_length_is_rejected() {
    for bytes in [&[7; 31][..], &[7; 33], &[7; 4_096]] {
        let rule = stored(Box::leak(bytes.to_vec().into_boxed_slice()));
        let request = SigningKey::new(ID, &[7; 32]).unwrap().signed(String::new());
        let error = verifier(&rule).verify(&request).await.unwrap_err();
        assert!(matches!(error, VerifyError::Key { .. }), "{error}");
    }
}

const DAY: u64 = 86_400;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000 + seconds)
}

/// A bucket that answers the numbered requests with an error.
fn refuses(refused: fn(usize) -> bool) -> Rule {
    let count = AtomicUsize::new(0);
    mock!(Client::put_object).then_compute_response(move |_| {
        if refused(count.fetch_add(1, Ordering::Relaxed)) {
            MockResponse::Error(PutObjectError::unhandled("access denied"))
        } else {
            MockResponse::Output(PutObjectOutput::builder().build())
        }
    })
}

#[tokio::test]
async fn key_is_replaced_after_a_day() {
    let put = refuses(|_| false);
    let signer =
        Signer::new(mock_client!(aws_sdk_s3, RuleMode::MatchAny, [&put]), "bucket".to_owned());
    let mut ids = Vec::new();
    for hour in [0, 23, 24, 47, 48] {
        let signing = signer.key(at(hour * 3_600)).await.unwrap();
        assert!(signing.not_renewed.is_none());
        ids.push(signing.key.id().to_owned());
    }
    assert!(ids[0] == ids[1] && ids[2] == ids[3], "{ids:?}");
    assert!(ids[1] != ids[2] && ids[3] != ids[4], "{ids:?}");
    assert_eq!(put.num_calls(), 3);
}

#[tokio::test]
async fn last_key_signs_while_a_new_one_is_refused() {
    // The first request stores the key; the next two fail.
    let put = refuses(|number| number == 1 || number == 2);
    let signer =
        Signer::new(mock_client!(aws_sdk_s3, RuleMode::MatchAny, [&put]), "bucket".to_owned());
    let first = signer.key(at(0)).await.unwrap().key;
    for minute in [0, 1] {
        let signing = signer.key(at(DAY + minute * 60)).await.unwrap();
        assert_eq!(signing.key.id(), first.id());
        assert!(matches!(signing.not_renewed, Some(SignError::Store { .. })));
    }
    let renewed = signer.key(at(DAY + 120)).await.unwrap();
    assert!(renewed.not_renewed.is_none() && renewed.key.id() != first.id());

    let put = refuses(|_| true);
    let signer =
        Signer::new(mock_client!(aws_sdk_s3, RuleMode::MatchAny, [&put]), "bucket".to_owned());
    assert!(matches!(signer.key(at(0)).await, Err(SignError::Store { .. })), "no key yet");
}

#[tokio::test]
async fn old_and_new_keys_are_both_accepted() {
    let (old, new) = (SigningKey::new(ID, &[7; 32]).unwrap(), "fedcba9876543210");
    let new = SigningKey::new(new, &[8; 32]).unwrap();
    let get = mock!(Client::get_object).then_compute_output(|request| {
        let bytes =
            if request.key() == Some("signing/0123456789abcdef") { [7; 32] } else { [8; 32] };
        GetObjectOutput::builder().body(ByteStream::from(bytes.to_vec())).build()
    });
    let verifier = verifier(&get);
    for key in [&old, &new, &old] {
        verifier.verify(&key.signed("{\"runs\":[]}".to_owned())).await.unwrap();
    }
    assert_eq!(get.num_calls(), 2, "both are remembered");
}

#[tokio::test]
async fn signer_stores_its_key_once() {
    let put = mock!(Client::put_object)
        .match_requests(|request| {
            let is_key =
                request.key().is_some_and(|key| key.starts_with("signing/") && key.len() == 24);
            is_key && request.bucket() == Some("bucket")
        })
        .then_output(|| PutObjectOutput::builder().build());
    let signer =
        Signer::new(mock_client!(aws_sdk_s3, RuleMode::MatchAny, [&put]), "bucket".to_owned());
    let first = signer.key(at(0)).await.unwrap().key.sign("x");
    assert_eq!(signer.key(at(DAY - 1)).await.unwrap().key.sign("x"), first);
    assert_eq!(put.num_calls(), 1);
    assert_ne!(SigningKey::random().unwrap().sign("x"), first);
}
