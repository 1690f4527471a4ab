//! Text for mails: subjects as SNS accepts them, single lines, bars made of characters.

use redact::is_hidden;

/// SNS accepts subjects of fewer than 100 characters.
const LONGEST_SUBJECT: usize = 99;

/// The longest name of a CloudWatch alarm; those of other senders have no limit.
const LONGEST_NAME: usize = 255;

/// A subject as SNS accepts it: printable ASCII, no line breaks, at most 99 characters.
pub(crate) fn subject(text: &str) -> String {
    let ascii: String = text.chars().map(ascii).collect();
    let mut subject = one_line(&ascii);
    if LONGEST_SUBJECT < subject.len() {
        subject.truncate(LONGEST_SUBJECT - 2);
        subject.truncate(subject.trim_end().len());
        subject.push_str("..");
    }
    subject
}

/// The nearest ASCII for what French (and its neighbours) write; `?` for anything else.
fn ascii(letter: char) -> &'static str {
    /// Every printable ASCII character, as text to borrow from.
    const PRINTABLE: &str = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";
    match letter {
        ' '..='~' => {
            let at = letter as usize - ' ' as usize;
            &PRINTABLE[at..=at]
        }
        'à' | 'â' | 'ä' | 'á' | 'ã' | 'å' => "a",
        'À' | 'Â' | 'Ä' | 'Á' | 'Ã' | 'Å' => "A",
        'é' | 'è' | 'ê' | 'ë' => "e",
        'É' | 'È' | 'Ê' | 'Ë' => "E",
        'î' | 'ï' | 'í' | 'ì' => "i",
        'Î' | 'Ï' | 'Í' | 'Ì' => "I",
        'ô' | 'ö' | 'ó' | 'ò' | 'õ' => "o",
        'Ô' | 'Ö' | 'Ó' | 'Ò' | 'Õ' => "O",
        'ù' | 'û' | 'ü' | 'ú' => "u",
        'Ù' | 'Û' | 'Ü' | 'Ú' => "U",
        'ç' => "c",
        'Ç' => "C",
        'ñ' => "n",
        'Ñ' => "N",
        'œ' => "oe",
        'Œ' => "OE",
        'æ' => "ae",
        'Æ' => "AE",
        'ß' => "ss",
        '’' | '‘' => "'",
        '“' | '”' | '«' | '»' => "\"",
        '–' | '—' => "-",
        '…' => "..",
        '\u{a0}' | '\u{202f}' | '\n' | '\r' | '\t' => " ",
        _ if letter.is_control() => "",
        _ => "?",
    }
}

/// White space becomes single spaces. Control and direction characters are removed, since they change how
/// the rest is shown.
pub(crate) fn one_line(text: &str) -> String {
    let words = text
        .split_whitespace()
        .map(|word| word.chars().filter(|letter| !is_hidden(*letter)).collect::<String>());
    let words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// The lines of `text`, each without what [`one_line`] removes, indented so that none looks like a heading of the
/// mail.
pub(crate) fn lines(text: &str) -> String {
    let lines = text.lines().map(one_line).filter(|line| !line.is_empty());
    lines.fold(String::new(), |text, line| text + "  " + &line + "\n")
}

/// One line of at most `most` characters, an ellipsis at its end when something was cut.
pub(crate) fn brief(text: &str, most: usize) -> String {
    let line = one_line(text);
    match line.char_indices().nth(most.saturating_sub(1)) {
        Some((end, last)) if end + last.len_utf8() < line.len() => {
            format!("{}…", line[..end].trim_end())
        }
        _ => line,
    }
}

/// The name of an alarm or probe in the text of a mail.
pub(crate) fn name(text: &str) -> String {
    brief(text, LONGEST_NAME)
}

/// `text` with its first letter in upper case.
pub(crate) fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A bar for each share from 0 to 1; a dot without data.
pub(crate) fn sparkline(shares: &[Option<f64>]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let bar = |share: f64| {
        // Only a full share gets the full bar: 99 % must not look like 100 %.
        let step = BARS.iter().enumerate().rev().find(|(index, _)| {
            u32::try_from(*index).is_ok_and(|index| f64::from(index) / 7.0 <= share)
        });
        step.map_or(BARS[0], |(_, bar)| *bar)
    };
    shares.iter().map(|share| share.map_or('·', bar)).collect()
}

/// `text` with spaces up to `width` characters.
pub(crate) fn padded(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.chars().count());
    format!("{text}{}", " ".repeat(missing))
}

/// Spaces before `text` up to `width` characters.
pub(crate) fn to_the_right(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.chars().count());
    format!("{}{text}", " ".repeat(missing))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn subject_is_ascii_and_short() {
        let cases = [
            ("OK bot", "OK bot"),
            ("RÉTABLI : réponse reçue…", "RETABLI : reponse recue.."),
            ("deux\nlignes\u{7}", "deux lignes"),
            ("«œuf» 中", "\"oeuf\" ?"),
        ];
        for (text, expected) in cases {
            assert_eq!(subject(text), expected);
        }
        let long = subject(&"word ".repeat(40));
        assert_eq!((long.len() <= 99, long.ends_with("word..")), (true, false), "{long}");
        assert!(long.ends_with(".."), "{long}");
    }

    #[test]
    fn only_a_full_share_gets_the_full_bar() {
        let shares = [None, Some(0.0), Some(0.5), Some(0.99), Some(1.0)];
        assert_eq!(sparkline(&shares), "·▁▄▇█");
    }

    #[test]
    fn cut_text_ends_with_an_ellipsis() {
        assert_eq!(brief("short", 5), "short");
        assert_eq!(brief("a bit longer", 5), "a bi…");
        assert_eq!(brief("été été", 4), "été…");
        assert_eq!(brief("", 4), "");
    }

    proptest! {
        #[test]
        fn any_text_makes_a_valid_subject(text in any::<String>()) {
            let subject = subject(&text);
            prop_assert!(subject.len() <= 99);
            prop_assert!(subject.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        }
    }
}
