//! The files that are sent with a prompt.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::Turn;
use domain::probe::{Attachment, AttachmentContent};

use crate::diagnostic::Diagnostic;
use crate::keys::{FILE, MOST_FILE_BYTES, MOST_FILES};
use crate::node::Node;
use crate::walk::{Scope, Walk};

pub(crate) fn files(walk: &mut Walk<'_>, node: &Node, scope: Scope<'_>) -> Option<Vec<Attachment>> {
    let items =
        walk.items(node, "a list of files such as `[ { name: note.txt, text: hello } ]`")?;
    if items.len() > MOST_FILES {
        let message = format!("{} files in one turn", items.len());
        walk.note(Diagnostic::new(&node.at, message, format!("expected at most {MOST_FILES}")));
        return None;
    }
    let read: Vec<Option<Attachment>> = items.iter().map(|item| file(walk, item, scope)).collect();
    read.into_iter().collect()
}

/// Notes files that are too large for a run request.
pub(crate) fn check_size(walk: &mut Walk<'_>, node: &Node, turns: &[Turn]) {
    let files = turns.iter().flat_map(|turn| &turn.files);
    let bytes: usize = files
        .map(|file| match &file.content {
            AttachmentContent::Text(text) => text.to_string().len(),
            AttachmentContent::Base64(text) => text.len() / 4 * 3,
        })
        .sum();
    if bytes > MOST_FILE_BYTES {
        let message = format!("the files of the conversation have {bytes} bytes");
        let expected = format!("expected at most {MOST_FILE_BYTES}");
        walk.note(Diagnostic::new(&node.at, message, expected));
    }
}

fn file(walk: &mut Walk<'_>, node: &Node, scope: Scope<'_>) -> Option<Attachment> {
    let place = node.place();
    let fields = walk.fields(node, &FILE, &place)?;
    let name = fields.get("name").and_then(|node| file_name(walk, node));
    let content = match (fields.get("text"), fields.get("base64")) {
        (Some(node), None) => AttachmentContent::Text(walk.template(node, scope)?),
        (None, Some(node)) => base64(walk, node)?,
        _ => {
            let expected = "expected either `text` or `base64`";
            walk.note(Diagnostic::new(&place, "the content of the file is unclear", expected));
            return None;
        }
    };
    Some(Attachment { name: name?, content })
}

fn file_name(walk: &mut Walk<'_>, node: &Node) -> Option<String> {
    let name = walk.text(node, "text such as `photo.png`")?;
    let is_path = name.contains(['/', '\\']) || name.chars().any(char::is_control);
    if is_path || name.is_empty() || name.len() > 100 {
        let message = format!("`{name}` is not the name of a file");
        let mistake = Diagnostic::new(&node.at, message, "expected a name such as `photo.png`");
        walk.note(mistake.hint("the content is in `text` or `base64`, not in a file on disk"));
        return None;
    }
    Some(name.to_owned())
}

fn base64(walk: &mut Walk<'_>, node: &Node) -> Option<AttachmentContent> {
    let text = walk.text(node, "text in Base64")?;
    let text: String = text.split_ascii_whitespace().collect();
    match BASE64_STANDARD.decode(&text) {
        Ok(_) => Some(AttachmentContent::Base64(text)),
        Err(error) => {
            let message = format!("the content is not valid Base64 ({error})");
            let mistake = Diagnostic::new(&node.at, message, "expected standard Base64");
            walk.note(mistake.hint("`base64 -w0 FILE` writes it"));
            None
        }
    }
}
