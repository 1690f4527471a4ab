//! Helpers for the tests of several commands.

/// An AWS client that responds from `rules`. The SDK's own macro needs a feature of each SDK crate, which
/// would build all of them a second time.
macro_rules! mocked {
    ($sdk:ident, $rules:expr) => {{
        let mut answers = aws_smithy_mocks::MockResponseInterceptor::new()
            .rule_mode(aws_smithy_mocks::RuleMode::Sequential);
        for rule in $rules {
            answers = answers.with_rule(rule);
        }
        let config = $sdk::Config::builder()
            .behavior_version($sdk::config::BehaviorVersion::latest())
            .region($sdk::config::Region::new("eu-west-1"))
            .credentials_provider($sdk::config::Credentials::new("id", "key", None, None, "tests"))
            .http_client(aws_smithy_mocks::create_mock_http_client())
            .interceptor(answers);
        $sdk::Client::from_conf(config.build())
    }};
}
pub(crate) use mocked;
