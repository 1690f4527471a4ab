//! Parameters of AWS Systems Manager Parameter Store.

use aws_call::{CallError, Client};
use aws_types::SdkConfig;
use serde_json::json;

/// Reads parameters, decrypted.
pub struct ParameterStore(Client);

impl ParameterStore {
    #[must_use]
    pub fn new(aws: &SdkConfig) -> Self {
        Self(Client::new(aws))
    }

    /// The value of the parameter `name`; `None` if it has no text.
    pub(crate) async fn get(&self, name: &str) -> Result<Option<String>, CallError> {
        let input = json!({ "Name": name, "WithDecryption": true });
        let found = self.0.json("ssm", "AmazonSSM.GetParameter", &input).await?;
        Ok(found["Parameter"]["Value"].as_str().map(str::to_owned))
    }
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;
    use aws_credential_types::provider::SharedCredentialsProvider;
    use aws_types::region::Region;
    use serde_json::Value;

    use super::*;

    #[tokio::test]
    async fn parameter_is_read_decrypted() {
        let answer = async |body: String| {
            let input: Value = serde_json::from_str(&body).unwrap();
            let decrypted = input["WithDecryption"] == true && input["Name"] == "/vigie/token";
            let value = if decrypted { "token-1" } else { "ciphertext" };
            json!({ "Parameter": { "Value": value } }).to_string()
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(answer);
        tokio::spawn(async move { axum::serve(listener, router).await });
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
        let aws = SdkConfig::builder()
            .endpoint_url(endpoint)
            .region(Region::new("eu-west-3"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        let value = ParameterStore::new(&aws).get("/vigie/token").await.unwrap();
        assert_eq!(value.as_deref(), Some("token-1"));
    }
}
