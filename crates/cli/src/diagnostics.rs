//! Shows the mistakes of a probe file with the lines that contain them.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use probe_file::{Diagnostic, Diagnostics};

/// With the escape sequences of a terminal.
pub(crate) fn rendered(diagnostics: &Diagnostics) -> String {
    let groups: Vec<Group<'_>> =
        diagnostics.list.iter().map(|diagnostic| group(diagnostics, diagnostic)).collect();
    Renderer::styled().render(&groups)
}

fn group<'a>(diagnostics: &'a Diagnostics, diagnostic: &'a Diagnostic) -> Group<'a> {
    let source = &diagnostics.source;
    let start = source.floor_char_boundary(diagnostic.at.start);
    let end = source.ceil_char_boundary(diagnostic.at.end.max(start));
    let annotation = AnnotationKind::Primary.span(start..end).label(diagnostic.expected.as_str());
    let snippet =
        Snippet::source(source.as_str()).path(diagnostics.file.as_str()).annotation(annotation);
    let group = Level::ERROR.primary_title(diagnostic.message.as_str()).element(snippet);
    match &diagnostic.hint {
        Some(hint) => group.element(Level::HELP.with_name("hint").message(hint.as_str())),
        None => group,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let diagnostics = probe_file::parse(text, "bot.yaml").unwrap_err();
        let rendered = anstream::adapter::strip_str(&rendered(&diagnostics)).to_string();
        assert!(rendered.contains(expected), "{rendered}");
    }

    #[test]
    fn mistakes_are_underlined() {
        let text =
            "probe: bot\nevery: 45s\ntarget: { url: http://x }\nconversation: [ { say: hi } ]\n";
        check(
            text,
            "  |\n2 | every: 45s\n  |        ^^^ expected `10s`, `20s`, `30s`, or whole minutes up to `1d`\n",
        );
        check(text, " hint: these are the periods that an alarm can have");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let text = "probe: bot\nevery: 1m\ntarget: { url: http://x }\nconversation: [ { say: 日本, sai: x } ]\n";
        check(
            text,
            "4 | conversation: [ { say: 日本, sai: x } ]\n  |                              ^^^ ",
        );
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let diagnostics = probe_file::parse("probe: \"\u{7f}\u{202e}\"\n", "bot.yaml").unwrap_err();
        let rendered = rendered(&diagnostics);
        assert!(!rendered.contains(['\u{7f}', '\u{202e}']), "{rendered}");
    }
}
