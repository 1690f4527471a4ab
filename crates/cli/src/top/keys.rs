//! Keys of a terminal. `stty`, which is part of POSIX, switches off the line editing of the terminal.

use std::io::{Read as _, Write as _, stdin, stdout};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use tokio::sync::mpsc::{Receiver, channel};

/// A key with a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Quit,
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
}

/// The alternate screen without a cursor.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";

/// A terminal that returns to its earlier settings when this is dropped.
pub(crate) struct Terminal {
    settings: String,
}

impl Terminal {
    pub(crate) fn enter() -> anyhow::Result<Self> {
        let settings = stty(&["-g"]).context("could not read the settings of the terminal")?;
        let terminal = Self { settings: settings.trim().to_owned() };
        // Ctrl-C still sends a signal.
        stty(&["-icanon", "-echo", "min", "1", "time", "0"])
            .context("could not change the settings of the terminal")?;
        write(ENTER)?;
        Ok(terminal)
    }

    /// Rows and columns.
    pub(crate) fn size() -> (usize, usize) {
        let (rows, columns) = console::Term::stdout().size();
        (rows.into(), columns.into())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = write(LEAVE);
        let _ = stty(&[&self.settings]);
    }
}

/// Writes at once: the streams of the command would remove what moves the cursor if colours are switched off.
pub(crate) fn write(text: &str) -> std::io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn stty(arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new("stty");
    let output = command.args(arguments).stdin(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "`stty` failed with {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// Reads keys in a thread, since reading blocks. It ends with the process.
pub(crate) fn keys() -> Receiver<Key> {
    let (sender, receiver) = channel(64);
    std::thread::spawn(move || {
        let mut bytes = [0; 64];
        while let Ok(count) = stdin().read(&mut bytes) {
            let keys = parse(&bytes[..count]);
            let keys = if count == 0 { vec![Key::Quit] } else { keys };
            for key in keys {
                if sender.blocking_send(key).is_err() || count == 0 {
                    return;
                }
            }
        }
    });
    receiver
}

/// The keys in what a terminal sent at once. An escape sequence is not divided.
fn parse(mut bytes: &[u8]) -> Vec<Key> {
    const SEQUENCES: [(&[u8], Key); 15] = [
        (b"\x1b[A", Key::Up),
        (b"\x1bOA", Key::Up),
        (b"\x1b[B", Key::Down),
        (b"\x1bOB", Key::Down),
        (b"\x1b[5~", Key::PageUp),
        (b"\x1b[6~", Key::PageDown),
        (b"\x1b[H", Key::Home),
        (b"\x1bOH", Key::Home),
        (b"\x1b[F", Key::End),
        (b"\x1bOF", Key::End),
        (b"q", Key::Quit),
        (b"k", Key::Up),
        (b"j", Key::Down),
        (b" ", Key::PageDown),
        (b"G", Key::End),
    ];
    let mut keys = Vec::new();
    while let Some(&first) = bytes.first() {
        if let Some((text, key)) = SEQUENCES.iter().find(|(text, _)| bytes.starts_with(text)) {
            keys.push(*key);
            bytes = &bytes[text.len()..];
        } else if first == 0x1b && bytes.len() == 1 {
            keys.push(Key::Quit);
            break;
        } else if first == 0x1b {
            // Another sequence ends with a letter or a tilde.
            let end =
                bytes[1..].iter().position(|byte| byte.is_ascii_alphabetic() || *byte == b'~');
            bytes = &bytes[end.map_or(bytes.len(), |end| end + 2)..];
        } else {
            bytes = &bytes[1..];
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_from_the_bytes_of_a_terminal() {
        let cases: [(&[u8], &[Key]); 7] = [
            (b"q", &[Key::Quit]),
            (b"\x1b", &[Key::Quit]),
            (b"\x1b[A\x1bOBj", &[Key::Up, Key::Down, Key::Down]),
            (b"\x1b[5~\x1b[6~ ", &[Key::PageUp, Key::PageDown, Key::PageDown]),
            (b"\x1b[1;5Cx\xc3\xa9k", &[Key::Up]),
            (b"\x1b[99", &[]),
            (b"", &[]),
        ];
        for (bytes, expected) in cases {
            assert_eq!(parse(bytes), expected, "{bytes:?}");
        }
    }
}
