//! The command takes the credentials of a profile as the AWS CLI does.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use tokio::process::Command;

/// The access keys of the requests that AWS received.
type Keys = Arc<Mutex<Vec<String>>>;

const PROCESS: &str = r#"
[profile work]
credential_process = printf '{"Version":1,"AccessKeyId":"AKIDPROCESS","SecretAccessKey":"s"}'
"#;

const SSO: &str = "
[sso-session company]
sso_region = eu-west-3
sso_start_url = https://company.awsapps.com/start

[profile work]
sso_session = company
sso_account_id = 123456789012
sso_role_name = deploy
";

/// SHA-1 of `company`, which names the file of the session's token.
const TOKEN: &str = "71b21161ffa1e6516bcc072aaf5ef38cbe85b511.json";

async fn respond(
    State(keys): State<Keys>,
    uri: Uri,
    headers: HeaderMap,
) -> (StatusCode, &'static str) {
    if uri.path() == "/federation/credentials" {
        let role = r#"{"roleCredentials":{"accessKeyId":"AKIDSSO","secretAccessKey":"s","sessionToken":"t","expiration":4102444800000}}"#;
        return (StatusCode::OK, role);
    }
    let signature = headers.get("authorization").and_then(|value| value.to_str().ok());
    let key = signature.and_then(|text| text.split_once("Credential=")?.1.split('/').next());
    keys.lock().unwrap().extend(key.map(str::to_owned));
    (StatusCode::NOT_FOUND, r#"{"__type":"ResourceNotFoundException","message":"none"}"#)
}

#[tokio::test]
async fn credentials_of_a_profile_sign_the_request() {
    let keys = Keys::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(respond).with_state(Arc::clone(&keys));
    tokio::spawn(async move { axum::serve(listener, router).await });

    for (name, profile, key) in
        [("credential_process", PROCESS, "AKIDPROCESS"), ("single sign-on", SSO, "AKIDSSO")]
    {
        let home = tempfile::tempdir().unwrap();
        let config = home.path().join("config");
        std::fs::write(&config, profile).unwrap();
        let cache = home.path().join(".aws/sso/cache");
        std::fs::create_dir_all(&cache).unwrap();
        let token = r#"{"accessToken":"token","expiresAt":"2100-01-01T00:00:00Z","region":"eu-west-3","startUrl":"https://company.awsapps.com/start"}"#;
        std::fs::write(cache.join(TOKEN), token).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_vigie"))
            .args(["smoke", "--environment", "dev"])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home.path())
            .env("AWS_CONFIG_FILE", &config)
            .env("AWS_PROFILE", "work")
            .env("AWS_REGION", "eu-west-3")
            .env("AWS_ENDPOINT_URL", &endpoint)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(keys.lock().unwrap().pop().as_deref(), Some(key), "{name}: {said}");
    }
}
