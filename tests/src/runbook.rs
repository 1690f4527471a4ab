//! Reads the headings and commands of the runbooks.
//!
//! An HTML comment before each block of commands names the test that runs it: `<!-- run: WHERE -->` or
//! `<!-- not run: REASON -->`. The end-to-end scenarios run `deployed`.

use std::fs;

use crate::dashboards::root;

/// A parsed runbook.
#[derive(Debug)]
pub struct Runbook {
    pub headings: Vec<Heading>,
    pub blocks: Vec<Block>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// Number of `#`.
    pub level: usize,
    pub text: String,
}

/// A fenced block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The language after the fence, such as `sh`.
    pub language: String,
    pub text: String,
    /// The comment on the line before the fence.
    pub run: Option<Run>,
}

/// Who runs a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run {
    By(String),
    Not { reason: String },
}

impl Runbook {
    /// Reads a file of the repository.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn read(path: &str) -> Self {
        let text =
            fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self::parse(&text)
    }

    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut runbook = Self { headings: Vec::new(), blocks: Vec::new() };
        let mut open: Option<Block> = None;
        let mut before = "";
        // Blocks within a list are indented.
        for line in text.lines().map(str::trim_start) {
            match &mut open {
                Some(_) if line.starts_with("```") => runbook.blocks.extend(open.take()),
                Some(block) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                None if line.starts_with("```") => {
                    let language = line.trim_start_matches('`').trim().to_owned();
                    open = Some(Block { language, text: String::new(), run: run(before) });
                }
                None => {
                    let level = line.bytes().take_while(|byte| *byte == b'#').count();
                    if let Some(heading) = line[level..].strip_prefix(' ').filter(|_| level > 0) {
                        runbook.headings.push(Heading { level, text: heading.trim().to_owned() });
                    }
                }
            }
            before = line;
        }
        runbook
    }

    /// The commands that `who` runs, in the order of the text.
    pub fn commands<'a>(&'a self, who: &'a str) -> impl Iterator<Item = &'a str> {
        let wanted = move |block: &&Block| matches!(&block.run, Some(Run::By(by)) if by == who);
        self.blocks.iter().filter(wanted).map(|block| block.text.as_str())
    }
}

impl Heading {
    /// The anchor that GitHub creates for it.
    #[must_use]
    pub fn anchor(&self) -> String {
        let kept = |c: char| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        };
        self.text.to_lowercase().chars().filter_map(kept).collect()
    }
}

fn run(line: &str) -> Option<Run> {
    let comment = line.trim().strip_prefix("<!--")?.strip_suffix("-->")?.trim();
    if let Some(reason) = comment.strip_prefix("not run:") {
        return Some(Run::Not { reason: reason.trim().to_owned() });
    }
    Some(Run::By(comment.strip_prefix("run:")?.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_and_blocks_are_parsed() {
        let text =
            "# A, b\n<!-- run: tools -->\n```sh\n# not a heading\nls\n```\n```text\nx\n```\n";
        let runbook = Runbook::parse(text);
        assert_eq!(runbook.headings, [Heading { level: 1, text: "A, b".to_owned() }]);
        assert_eq!(runbook.headings[0].anchor(), "a-b");
        assert_eq!(runbook.commands("tools").collect::<Vec<_>>(), ["# not a heading\nls\n"]);
        assert_eq!(runbook.blocks.len(), 2);
        assert_eq!(runbook.blocks[1].run, None);
    }
}
