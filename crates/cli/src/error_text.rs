//! An error with its causes in one line. Hints are the last lines, one each.

const HINT: &str = "\nhint: ";

/// `error: MESSAGE: CAUSE: CAUSE`, then `hint: TEXT` for each hint in a message.
pub(crate) fn of(error: &anyhow::Error) -> String {
    let (mut messages, mut hints) = (Vec::new(), String::new());
    for cause in error.chain() {
        let text = cause.to_string();
        let mut parts = text.split(HINT);
        messages.extend(parts.next().map(str::to_owned));
        hints.extend(parts.map(|hint| format!("{HINT}{hint}")));
    }
    messages.join(": ") + &hints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_follow_the_causes() {
        let cause = || anyhow::anyhow!("refused");
        let cases = [
            (cause(), "refused"),
            (cause().context("could not start"), "could not start: refused"),
            (cause().context("in use\nhint: pass `--x`"), "in use: refused\nhint: pass `--x`"),
            (
                anyhow::anyhow!("no file\nhint: one\nhint: two").context("failed"),
                "failed: no file\nhint: one\nhint: two",
            ),
        ];
        for (error, expected) in cases {
            assert_eq!(of(&error), expected);
        }
    }
}
