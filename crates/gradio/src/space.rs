//! State of a Hugging Face Space that does not run, from the page that Hugging Face serves for it.

use url::Url;

/// The state as a clause; `None` when the body is not such a page.
pub(crate) fn state(base: &Url, body: &[u8]) -> Option<&'static str> {
    const STATES: [(&[&str], &str); 7] = [
        (&["runtime error", "runtime_error", "in error"], "the Space stopped with an error"),
        (&["build error", "build_error"], "the Space could not be built"),
        (&["building", "is being built"], "the Space is being built"),
        (&["paused"], "the Space is paused by its owner"),
        (&["stopped"], "the Space is stopped"),
        (&["sleeping", "asleep", "inactivity"], "the Space is asleep"),
        (&["starting", "preparing", "restarting", "waking"], "the Space is starting"),
    ];
    let text = String::from_utf8_lossy(&body[..body.len().min(64 * 1024)]).to_lowercase();
    let hosted = base.host_str().is_some_and(|host| host.ends_with(".hf.space"));
    if !text.contains("space")
        || !(hosted || text.contains("hugging face") || text.contains("huggingface"))
    {
        return None;
    }
    STATES
        .iter()
        .find(|(words, _)| words.iter().any(|word| text.contains(word)))
        .map(|&(_, state)| state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_of_a_space_is_detected() {
        let hosted = Url::parse("https://ada-bot.hf.space").unwrap();
        let other = Url::parse("https://chat.example.com").unwrap();
        let cases = [
            (&hosted, "<title>Your Space is building</title>", Some("the Space is being built")),
            (&hosted, "This Space is sleeping due to inactivity.", Some("the Space is asleep")),
            (
                &hosted,
                "This Space has been paused by its owner.",
                Some("the Space is paused by its owner"),
            ),
            (&hosted, "<h1>Preparing Space</h1>", Some("the Space is starting")),
            (&hosted, "Your Space is in error", Some("the Space stopped with an error")),
            (
                &other,
                "Hugging Face: this Space is paused",
                Some("the Space is paused by its owner"),
            ),
            (&other, "no space left, paused", None),
            (&hosted, "Not Found", None),
        ];
        for (base, body, expected) in cases {
            assert_eq!(state(base, body.as_bytes()), expected, "{body}");
        }
    }
}
