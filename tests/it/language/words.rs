//! Words that the documentation of AWS, Prometheus or uv would not use.

/// Words and phrases in lower case.
pub(super) struct Words(&'static [&'static str]);

pub(super) const ENGLISH: Words = Words(&[
    "afresh",
    "amid",
    "anew",
    "anybody",
    "asked for",
    "at hand",
    "at its word",
    "be had",
    "bid",
    "blind",
    "blindness",
    "booked on",
    "by themselves",
    "come back",
    "comes back",
    "farewell",
    "figure",
    "figures",
    "for ever",
    "heard of",
    "held to",
    "hence",
    "honest",
    "honestly",
    "hopeless",
    "in life",
    "in place of",
    "in vain",
    "ledger",
    "lest",
    "lie in",
    "lies in",
    "lived",
    "mend",
    "mended",
    "mending",
    "mends",
    "merely",
    "news",
    "nobody",
    "our",
    "ours",
    "page no one",
    "patience",
    "played",
    "plays",
    "rightly",
    "saying",
    "somebody",
    "spoken",
    "stand in",
    "stands in",
    "stands still",
    "standstill",
    "stood",
    "stood still",
    "stories",
    "story",
    "taken out",
    "tale",
    "tell",
    "telling",
    "tells",
    "the watch",
    "therein",
    "thereof",
    "told",
    "trouble",
    "troubles",
    "unsteady",
    "untold",
    "us",
    "visit",
    "visited",
    "visiting",
    "visitor",
    "visitors",
    "visits",
    "was had",
    "watches the",
    "we",
    "whatever",
    "whence",
    "wherein",
    "whoever",
    "yard",
]);

pub(super) const FRENCH: Words = Words(&[
    "aveugle",
    "aveugles",
    "boucle locale",
    "mail",
    "mails",
    "messages rejetés",
    "nos",
    "notre",
    "nous",
    "quiconque",
    "sujet sns",
    "veilleur",
    "visite",
    "visites",
]);

impl Words {
    /// The listed words in a text. `is no X` counts unless it is `there is no X` or `is no longer`.
    pub(super) fn find(&self, text: &str) -> Vec<&'static str> {
        let text = text.to_lowercase();
        // A hyphen joins: `dead-letter` and `us-east-1` are words of their own.
        let is_joined = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | '.' | ':');
        let trimmed = |word: &'_ str| word.trim_matches(['-', '_', '/', '.', ':']).to_owned();
        let words: Vec<String> = text
            .split(|c: char| !is_joined(c))
            .map(trimmed)
            .filter(|word| !word.is_empty())
            .collect();
        let holds = |phrase: &str| {
            let phrase: Vec<&str> = phrase.split(' ').collect();
            words.windows(phrase.len()).any(|found| found.iter().zip(&phrase).all(|(a, b)| a == b))
        };
        let mut found: Vec<&'static str> =
            self.0.iter().copied().filter(|phrase| holds(phrase)).collect();
        let inverted = words.windows(4).any(|four| {
            four[1] == "is" && four[2] == "no" && four[0] != "there" && four[3] != "longer"
        });
        if inverted {
            found.push("is no");
        }
        found
    }
}

#[test]
fn listed_words_are_found() {
    let rows: &[(&str, &[&str])] = &[
        ("The receiver was told of it.", &["told"]),
        ("in the dead-letter queue of us-east-1", &[]),
        ("We are blind", &["blind", "we"]),
        ("what lies in the bucket", &["lies in"]),
        ("`x` is no time", &["is no"]),
        ("there is no bucket", &[]),
        ("it is no longer there", &[]),
        ("https://example.com/vigie-watch/vigie", &[]),
        ("Scrape failed", &[]),
    ];
    for (text, expected) in rows {
        assert_eq!(ENGLISH.find(text), *expected, "{text}");
    }
}
