//! The mail about e-mail addresses that receive nothing.

use domain::EnvironmentName;

use crate::locale::Language;
use crate::mail::Mail;
use crate::mail::language::messages;
use crate::mail::layout::{line, section};
use crate::mail::parts::LONGEST_LIST;
use crate::mail::text::{one_line, subject};

/// A topic, and the addresses that receive nothing from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unconfirmed {
    pub topic: String,
    pub addresses: Vec<String>,
}

/// Writes the mail: one line for each address.
#[must_use]
pub fn write_unconfirmed(
    environment: &EnvironmentName,
    topics: &[Unconfirmed],
    language: Language,
) -> Mail {
    let messages = messages(language);
    let of_topic = |topic: &Unconfirmed| {
        let name = topic.topic.rsplit(':').next().unwrap_or_default().to_owned();
        let line = move |address: &String| format!("{name}  {}", one_line(address));
        topic.addresses.iter().map(line).collect::<Vec<_>>()
    };
    let all: Vec<String> = topics.iter().flat_map(of_topic).collect();
    let mut text = String::new();
    for address in all.iter().take(LONGEST_LIST) {
        line(&mut text, address);
    }
    if LONGEST_LIST < all.len() {
        let more = all.len() - LONGEST_LIST;
        line(&mut text, &format!("{} (+{more})", messages.labels().and_more));
    }
    let mut body = String::new();
    line(&mut body, &messages.unconfirmed_headline());
    line(&mut body, "");
    body.push_str(&text);
    section(&mut body, messages.labels().next, &messages.unconfirmed_advice());
    Mail { subject: subject(&messages.unconfirmed_subject(environment.as_str(), all.len())), body }
}
