use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};

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

#[tokio::test]
async fn signer_stores_its_key_once() {
    let put = mock!(Client::put_object)
        .match_requests(|request| {
            let is_key =
                request.key().is_some_and(|key| key.starts_with("signing/") && key.len() == 24);
            is_key && request.bucket() == Some("bucket")
        })
        .then_output(|| PutObjectOutput::builder().build());
    let signer = Signer::new(mock_client!(aws_sdk_s3, [&put]), "bucket".to_owned());
    let first = signer.key().await.unwrap().sign("x");
    assert_eq!(signer.key().await.unwrap().sign("x"), first);
    assert_eq!(put.num_calls(), 1);
    assert_ne!(SigningKey::random().unwrap().sign("x"), first);
}
