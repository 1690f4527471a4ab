//! Text of a first probe file.

use domain::{ProbeName, TargetUrl};
use serde_json::Value;

/// A conversation that a chatbot of any subject passes, and a hint for the next check.
pub(crate) const CONVERSATION: &str = "\
conversation:
  - say: \"Hello, my name is ${nonce}.\"   # a new word for each run, so that a cached reply fails
    expect: [ { min_length: 1 }, { not_matches: \"(?i)traceback|internal server error\" } ]
  # Checks that the bot keeps the context between turns:
  # - say: \"What is my name?\"
  #   expect: [ { contains: \"${nonce}\", ignore_case: true } ]
";

/// A probe file for an app of which only the address is known.
pub(crate) fn probe_file(url: &TargetUrl) -> String {
    let name = quoted(&probe_name(url.as_url().host_str().unwrap_or_default()));
    let url = quoted(url.as_url().as_str());
    format!(
        "probe: {name}\nevery: 1m                      # 10s, 20s, 30s, or whole minutes up to 1d\n\
         target:\n  url: {url}\n{CONVERSATION}"
    )
}

/// A text as a quoted YAML scalar, which has the syntax of a JSON string. `${` is escaped.
pub(crate) fn quoted(text: &str) -> String {
    Value::from(text.replace("${", "$${")).to_string()
}

/// A valid probe name from a file name or a host name.
pub(crate) fn probe_name(text: &str) -> String {
    let allowed = |character: char| {
        if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '-' }
    };
    let name: String = text.chars().map(allowed).take(ProbeName::LONGEST).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "my-bot".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probe_name_is_valid() {
        assert_eq!(probe_name("Support Bot"), "support-bot");
        assert_eq!(probe_name("chat.example.com"), "chat-example-com");
        assert_eq!(probe_name("--"), "my-bot");
        assert!(probe_name(&"x".repeat(100)).parse::<ProbeName>().is_ok());
    }

    #[test]
    fn probe_file_of_an_address_is_valid() {
        for (url, name) in [
            ("https://chat.example.com/bot?a=${x}", "chat-example-com"),
            ("http://127.0.0.1:7860", "127-0-0-1"),
            ("http://[::1]:7860", "1"),
        ] {
            let text = probe_file(&url.parse().unwrap());
            let probe = probe_file::parse(&text, "probe.yaml").unwrap();
            assert_eq!(probe.name.as_str(), name, "{url}");
        }
    }
}
