//! How messages are split into batches.

use std::collections::HashSet;

use crate::message::Message;

/// Messages in a batch, at most. Source: API reference of `SendMessageBatch`.
const MESSAGES: usize = 10;

/// Bytes of all messages of a batch, at most. SQS accepts 1 MiB since 2025-08 and accepted 256 KiB
/// before; emulators still apply the old limit.
const BYTES: usize = 256 * 1024;

/// Indices of `messages` in their order, batch by batch.
pub(crate) fn split(messages: &[Message]) -> Vec<Vec<usize>> {
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut bytes = 0;
    let mut groups = HashSet::new();
    for (index, message) in messages.iter().enumerate() {
        let length = length(message);
        let group = message.fifo.as_ref().map(|fifo| fifo.group.as_str());
        let fits = batches.last().is_some_and(|batch| {
            batch.len() < MESSAGES
                && bytes + length <= BYTES
                && !group.is_some_and(|group| groups.contains(group))
        });
        match batches.last_mut() {
            Some(batch) if fits => batch.push(index),
            _ => {
                batches.push(vec![index]);
                bytes = 0;
                groups.clear();
            }
        }
        bytes += length;
        groups.extend(group);
    }
    batches
}

/// Bytes that SQS counts: the body, and name, type and value of each attribute.
fn length(message: &Message) -> usize {
    let attributes = message.attributes.iter();
    let attributes = attributes.map(|(name, value)| name.len() + "String".len() + value.len());
    message.body.len() + attributes.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fifo;

    #[track_caller]
    fn check(messages: &[(&str, usize)], expected: &[&[usize]]) {
        let messages: Vec<Message> = messages
            .iter()
            .map(|(group, size)| Message {
                body: "x".repeat(*size),
                fifo: (!group.is_empty())
                    .then(|| Fifo { group: (*group).into(), deduplication: String::new() }),
                ..Message::default()
            })
            .collect();
        assert_eq!(split(&messages), expected);
    }

    #[test]
    fn batch_has_at_most_ten_messages_and_256_kib() {
        check(&[], &[]);
        check(&[("", 200_000), ("", 60_000), ("", 3_000), ("", 300_000)], &[&[0, 1], &[2], &[3]]);
        check(&[("", 1); 12], &[&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], &[10, 11]]);
    }

    #[test]
    fn batch_has_one_message_of_a_group() {
        check(&[("a", 1), ("b", 1), ("a", 1), ("c", 1)], &[&[0, 1], &[2, 3]]);
    }
}
