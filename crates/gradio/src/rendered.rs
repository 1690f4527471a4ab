//! What a `gr.render` function returned, as one value that shows a conversation.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::config::{hides, is_chat};

/// The release whose pages decide what is hidden.
const NEWEST: (u32, u32) = (6, 31);

/// The chat among the returned components, as `{"chatbot": …}`, or else their texts, in the order of
/// the page.
pub(crate) fn value(rendered: &Value) -> Value {
    let components = rendered["components"].as_array().map(Vec::as_slice).unwrap_or_default();
    let by_id: HashMap<u64, &Value> =
        components.iter().filter_map(|one| Some((one["id"].as_u64()?, one))).collect();
    let mut shown = Vec::new();
    add(&rendered["layout"], &by_id, &mut shown);
    let kind = |one: &Value| one["type"].as_str().unwrap_or_default().to_owned();
    let value = |one: &Value| one["props"]["value"].clone();
    if let Some(chat) = shown.iter().find(|one| is_chat(&kind(one))) {
        return json!({ "chatbot": value(chat) });
    }
    let texts = shown.into_iter().filter(|one| is_text(&kind(one))).map(value);
    Value::Array(texts.filter(|text| !text.is_null()).collect())
}

fn is_text(kind: &str) -> bool {
    matches!(kind, "markdown" | "html" | "textbox" | "code" | "label" | "json")
}

/// Adds the visible components below a node of the layout.
fn add<'r>(node: &Value, by_id: &HashMap<u64, &'r Value>, shown: &mut Vec<&'r Value>) {
    let component = node["id"].as_u64().and_then(|id| by_id.get(&id));
    let is_hidden = |one: &&Value| {
        hides(one["type"].as_str().unwrap_or_default(), &one["props"]["visible"], NEWEST)
    };
    if component.is_some_and(is_hidden) {
        return;
    }
    shown.extend(component);
    for child in node["children"].as_array().into_iter().flatten() {
        add(child, by_id, shown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rendered_components_are_one_value() {
        let component = |id: u64, kind: &str, value: Value, visible: bool| json!({ "id": id, "type": kind, "props": { "value": value, "visible": visible } });
        let layout = json!({ "id": 9, "children": [
            { "id": 1 }, { "id": 5, "children": [{ "id": 2 }] }, { "id": 3 }, { "id": 4 },
        ] });
        let texts = [
            component(2, "markdown", json!("second"), true),
            component(1, "markdown", json!("first"), true),
            component(3, "button", json!("Send"), true),
            component(4, "textbox", json!("unseen"), false),
        ];
        let chat = [component(1, "chatbot", json!([["hi", "hello"]]), true)];
        for (components, expected) in [
            (texts.to_vec(), json!(["first", "second"])),
            (chat.to_vec(), json!({ "chatbot": [["hi", "hello"]] })),
            (vec![], json!([])),
        ] {
            let rendered = json!({ "components": components, "layout": layout });
            assert_eq!(value(&rendered), expected);
        }
    }
}
