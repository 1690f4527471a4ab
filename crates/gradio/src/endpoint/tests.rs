use serde_json::json;

use super::*;

fn config(name: &str) -> AppConfig {
    let path = format!("{}/../../tests/fixtures/gradio/configs/{name}", env!("CARGO_MANIFEST_DIR"));
    AppConfig::parse(&std::fs::read(path).unwrap()).unwrap()
}

/// Form, name of the endpoint, and the functions of its steps; `!` marks those with a reply.
fn found(config: &AppConfig, choice: Option<&str>) -> Result<String, String> {
    let endpoint = choice.map(|text| text.parse().unwrap());
    found_with(config, &Choice { endpoint, ..Choice::default() })
}

fn found_with(config: &AppConfig, choice: &Choice) -> Result<String, String> {
    let plan = choose(config, choice).map_err(|fault| fault.prose)?;
    let steps = plan.functions(config).map(|one| {
        let mark = if one.outputs.iter().any(|id| plan.replies.contains(id)) { "!" } else { "" };
        format!(" {}{mark}", one.id())
    });
    let name = plan.start(config).api_name.clone().unwrap_or_default();
    Ok(format!("{} /{name}{}", plan.how.word(), steps.collect::<String>()))
}

#[test]
fn chat_of_each_recorded_app_is_found() {
    let cases = [
        ("g350-chat_stream.json", "api /chat 18!"),
        ("g350-chain.json", "chain / 0! 1!"),
        ("g444-chat_stream.json", "api /chat 18!"),
        ("g444-chain.json", "chain /user 0! 1!"),
        ("g6-chat_stream.json", "api /stream 6!"),
        ("g6-chain.json", "chain /user 0! 1!"),
        ("g6-multimodal.json", "api /lambda_2 6!"),
        ("g6-private.json", "chain /user 0! 1!"),
    ];
    for (name, expected) in cases {
        assert_eq!(found(&config(name), None).unwrap(), expected, "{name}");
    }
}

#[test]
fn chat_interface_page_is_a_chain_with_history() {
    let config = config("g6-chat_stream.json");
    assert_eq!(
        found(&config, Some("0")).unwrap(),
        "chain /_clear_and_save_textbox 0 1! 14 2! 3 16 4 29! 30"
    );
}

#[test]
fn page_of_a_chat_interface_is_used_instead_of_its_api() {
    let cases = [
        ("g350-chat_stream.json", None, "chain / 0 1! 2!"),
        ("g444-chat_stream.json", None, "chain /_clear_and_save_textbox 0 1! 2!"),
        ("g444-chat_stream.json", Some("/chat"), "api /chat 18!"),
        ("g6-chat_stream.json", None, "chain /_clear_and_save_textbox 0 1! 14 2! 3 16 4 29! 30"),
        ("g6-chat_stream.json", Some("/stream"), "api /stream 6!"),
        ("g6-multimodal.json", None, "chain /_clear_and_save_textbox 0 1! 14 2! 3 16 4 29! 30"),
    ];
    for (name, endpoint, expected) in cases {
        let endpoint = endpoint.map(|text: &str| text.parse().unwrap());
        let choice = Choice { endpoint, has_page: true, ..Choice::default() };
        assert_eq!(found_with(&config(name), &choice).unwrap(), expected, "{name}");
    }
}

#[test]
fn configured_endpoint_is_used_or_rejected() {
    let config = config("g6-chat_stream.json");
    assert_eq!(found(&config, Some("/stream")).unwrap(), "api /stream 6!");
    assert_eq!(found(&config, Some("stream")).unwrap(), "api /stream 6!");
    assert_eq!(
        found(&config, Some("nosuch")).unwrap_err(),
        "the app has no endpoint /nosuch; it has `/stream`"
    );
    assert_eq!(
        found(&config, Some("4")).unwrap_err(),
        "endpoint function 4 has no text box as input, or no output that can hold a reply"
    );
}

fn blocks(dependencies: &serde_json::Value) -> AppConfig {
    let components = json!([
        { "id": 1, "type": "textbox" }, { "id": 2, "type": "chatbot" }, { "id": 3, "type": "state" },
        { "id": 4, "type": "button" }, { "id": 5, "type": "markdown" }, { "id": 6, "type": "textbox" },
    ]);
    let config = json!({ "components": components, "dependencies": dependencies });
    AppConfig::parse(config.to_string().as_bytes()).unwrap()
}

#[test]
fn chain_is_followed_without_side_steps() {
    let config = blocks(&json!([
        { "targets": [[4, "click"]], "inputs": [], "outputs": [2] },
        { "targets": [[1, "submit"]], "inputs": [1], "outputs": [1, 3] },
        { "targets": [[null, "then"]], "trigger_after": 1, "inputs": [], "outputs": [4] },
        { "targets": [[null, "then"]], "trigger_after": 1, "inputs": [3], "outputs": [3] },
        { "targets": [[null, "then"]], "trigger_after": 3, "backend_fn": false, "inputs": [], "outputs": [] },
        { "targets": [[null, "then"]], "trigger_after": 4, "inputs": [3, 2], "outputs": [2] },
        { "targets": [[null, "then"]], "trigger_after": 5, "inputs": [2], "outputs": [3] },
        { "targets": [[null, "then"]], "trigger_after": 5, "inputs": [], "outputs": [4] },
    ]));
    assert_eq!(found(&config, None).unwrap(), "chain / 1 3 5! 6");
}

#[test]
fn interface_that_answers_while_the_user_types_is_found() {
    let config = blocks(&json!([
        { "targets": [[1, "change"]], "inputs": [1], "outputs": [5] },
        { "targets": [[4, "click"]], "backend_fn": false, "js": "() => null", "outputs": [1, 5] },
    ]));
    assert_eq!(found(&config, None).unwrap(), "plain / 0!");
}

#[test]
fn text_in_text_out_is_the_last_resort() {
    let config = blocks(&json!([
        { "targets": [[4, "click"]], "inputs": [1], "outputs": [5] },
        { "targets": [[1, "submit"]], "inputs": [1], "outputs": [1] },
    ]));
    assert_eq!(found(&config, None).unwrap(), "plain / 0!");

    let config = blocks(&json!([
        { "targets": [[1, "submit"]], "inputs": [1], "outputs": [1, 3] },
        { "targets": [[null, "then"]], "trigger_after": 0, "inputs": [3], "outputs": [5] },
    ]));
    assert_eq!(found(&config, None).unwrap(), "plain / 0 1!");
}

#[test]
fn submit_is_preferred_to_click() {
    let config = blocks(&json!([
        { "targets": [[4, "click"]], "inputs": [1, 2], "outputs": [2] },
        { "targets": [[1, "submit"]], "inputs": [1, 2], "outputs": [2] },
    ]));
    assert_eq!(found(&config, None).unwrap(), "chain / 1!");
}

#[test]
fn box_with_configured_value_is_not_the_message_box() {
    let config = blocks(&json!([{ "targets": [[4, "click"]], "inputs": [1, 6], "outputs": [5] }]));
    let message = |named: &[Id]| {
        let named = named.iter().copied().collect();
        choose(&config, &Choice { named, ..Choice::default() }).unwrap().message
    };
    assert_eq!(message(&[]), 1);
    assert_eq!(message(&[1]), 6);
}

#[test]
fn pictures_for_a_prompt_are_a_reply() {
    for kind in ["image", "gallery", "plot", "model3d"] {
        let config = json!({
            "components": [{ "id": 1, "type": "textbox" }, { "id": 2, "type": kind }],
            "dependencies": [{ "targets": [[1, "submit"]], "inputs": [1], "outputs": [2] }],
        });
        let config = AppConfig::parse(config.to_string().as_bytes()).unwrap();
        assert_eq!(found(&config, None).unwrap(), "plain / 0!", "{kind}");
    }
}

#[test]
fn app_without_chat_is_rejected() {
    let config = blocks(&json!([{ "targets": [[4, "click"]], "inputs": [], "outputs": [5] }]));
    assert_eq!(
        found(&config, None).unwrap_err(),
        "no chat among the app's 1 functions: none takes a text box and leads to a chatbot or a \
         text (text boxes: textbox 1, textbox 6; chatbots: chatbot 2); set `target.endpoint`, \
         `target.message` or `target.reply`"
    );
}

#[test]
fn cyclic_description_ends() {
    let config = blocks(&json!([
        { "targets": [[1, "submit"]], "trigger_after": 1, "inputs": [1], "outputs": [2] },
        { "targets": [[null, "then"]], "trigger_after": 0, "inputs": [2], "outputs": [2] },
        { "targets": [[1, "submit"]], "trigger_after": 2, "inputs": [1], "outputs": [5] },
    ]));
    assert_eq!(found(&config, None).unwrap(), "chain / 0! 1!");
}

#[test]
fn status_after_the_answer_is_not_the_reply() {
    let text = |id: Id| json!({ "id": id, "type": "markdown" });
    let function = |inputs: serde_json::Value, output: Id, after: Option<Id>| {
        let target = if after.is_some() { json!([null, "then"]) } else { json!([4, "click"]) };
        json!({ "targets": [target], "trigger_after": after, "inputs": inputs, "outputs": [output] })
    };
    let stream = |mut function: serde_json::Value| {
        function["types"] = json!({ "generator": true });
        function
    };
    let rows = [
        ("constant", function(json!([1]), 5, None), function(json!([]), 6, Some(0)), 5),
        ("stream", stream(function(json!([1]), 5, None)), function(json!([5]), 6, Some(0)), 5),
        ("two steps", function(json!([1]), 6, None), function(json!([6]), 5, Some(0)), 5),
    ];
    for (name, first, second, expected) in rows {
        let components = json!([{ "id": 1, "type": "textbox" }, { "id": 4, "type": "button" }, text(5), text(6)]);
        let config = json!({ "components": components, "dependencies": [first, second] });
        let config = AppConfig::parse(config.to_string().as_bytes()).unwrap();
        assert_eq!(choose(&config, &Choice::default()).unwrap().replies, [expected], "{name}");
    }
}

#[test]
fn best_of_the_outputs_is_the_reply() {
    let rows = [
        (("textbox", "Answer with sources"), ("plot", ""), 2),
        (("plot", ""), ("textbox", "Text"), 3),
        (("gallery", ""), ("textbox", "Status"), 2),
        (("textbox", "Text"), ("image", "Generated image"), 3),
        (("textbox", "Chat history"), ("html", ""), 2),
        (("textbox", "Translated document"), ("textbox", "Detected language"), 2),
        (("textbox", "Log"), ("textbox", "Text"), 3),
    ];
    for (first, second, expected) in rows {
        let output = |id: Id, (kind, label): (&str, &str)| json!({ "id": id, "type": kind, "props": { "label": label } });
        let config = json!({
            "components": [{ "id": 1, "type": "textbox" }, output(2, first), output(3, second)],
            "dependencies": [{ "targets": [[1, "submit"]], "inputs": [1], "outputs": [2, 3] }],
        });
        let config = AppConfig::parse(config.to_string().as_bytes()).unwrap();
        let plan = choose(&config, &Choice::default()).unwrap();
        assert_eq!(plan.replies, [expected], "{first:?} {second:?}");
    }
}

#[test]
fn empty_box_is_preferred_to_one_with_a_text() {
    let config = json!({
        "components": [
            { "id": 1, "type": "textbox", "props": { "label": "Rolle", "value": "Be kind." } },
            { "id": 2, "type": "textbox", "props": { "label": "Eingabe" } },
            { "id": 3, "type": "chatbot" },
            { "id": 4, "type": "button" },
        ],
        "dependencies": [ { "targets": [[4, "click"]], "inputs": [1, 2, 3], "outputs": [3] } ],
    });
    let config = AppConfig::parse(config.to_string().as_bytes()).unwrap();
    assert_eq!(choose(&config, &Choice::default()).unwrap().message, 2);
}

#[test]
fn instruction_is_preferred_to_a_box_labelled_input() {
    let config = json!({
        "components": [
            { "id": 1, "type": "textbox", "props": { "label": "Instruction" } },
            { "id": 2, "type": "textbox", "props": { "label": "Input" } },
            { "id": 3, "type": "textbox", "props": { "label": "Output" } },
            { "id": 4, "type": "button" },
        ],
        "dependencies": [ { "targets": [[4, "click"]], "inputs": [1, 2], "outputs": [3] } ],
    });
    let config = AppConfig::parse(config.to_string().as_bytes()).unwrap();
    assert_eq!(choose(&config, &Choice::default()).unwrap().message, 1);
}

/// The message box of an app with these boxes (10, 11 …), a chatbot (1), a text (2), a button (3), a
/// microphone (4), and these functions.
fn message_among(boxes: &[serde_json::Value], functions: &serde_json::Value) -> Option<Id> {
    let mut components = json!([
        { "id": 1, "type": "chatbot" }, { "id": 2, "type": "markdown" }, { "id": 3, "type": "button" },
        { "id": 4, "type": "audio" },
    ]);
    let boxes = (10..).zip(boxes);
    let boxes = boxes.map(|(id, props)| json!({ "id": id, "type": "textbox", "props": props }));
    components.as_array_mut().unwrap().extend(boxes);
    let config = json!({ "components": components, "dependencies": functions });
    let config = AppConfig::parse(config.to_string().as_bytes()).unwrap();
    choose(&config, &Choice::default()).ok().map(|plan| plan.message)
}

#[test]
fn only_box_of_a_chat_takes_the_message() {
    let enter = json!([{ "targets": [[10, "submit"]], "inputs": [10, 1], "outputs": [10, 1] }]);
    let click = json!([{ "targets": [[3, "click"]], "inputs": [10, 1], "outputs": [1] }]);
    let no_chat = json!([{ "targets": [[10, "submit"]], "inputs": [10], "outputs": [2] }]);
    let voice = json!([{ "targets": [[3, "click"]], "inputs": [4, 10, 1], "outputs": [1] }]);
    let example = "e.g. How do I reset my password?";
    let rows = [
        (json!({ "placeholder": example }), &enter, Some(10)),
        (json!({ "placeholder": example }), &click, Some(10)),
        (json!({ "placeholder": example }), &no_chat, Some(10)),
        (json!({ "label": "Textbox", "placeholder": example }), &no_chat, Some(10)),
        (json!({ "label": "Message (max 512 tokens)" }), &no_chat, Some(10)),
        (json!({ "label": "Secret message" }), &no_chat, Some(10)),
        (json!({ "label": "Text", "placeholder": "Your token" }), &no_chat, Some(10)),
        (json!({ "label": "API key" }), &enter, Some(10)),
        (json!({ "label": "API key" }), &click, Some(10)),
        (json!({ "label": "API key" }), &no_chat, None),
        (json!({ "label": "API key" }), &voice, None),
        (json!({ "placeholder": "Enter your API key" }), &no_chat, None),
        (json!({ "elem_id": "api_key" }), &no_chat, None),
        (json!({ "label": "Message", "type": "password" }), &enter, None),
    ];
    for (props, functions, expected) in rows {
        assert_eq!(
            message_among(std::slice::from_ref(&props), functions),
            expected,
            "{props} {functions}"
        );
    }
}

#[test]
fn box_for_a_secret_comes_after_other_boxes() {
    let both = json!([{ "targets": [[10, "submit"]], "inputs": [10, 11, 1], "outputs": [10, 1] }]);
    let hidden = json!([
        { "targets": [[10, "submit"]], "inputs": [10], "outputs": [1] },
        { "targets": [[11, "submit"]], "inputs": [11, 1], "outputs": [11, 1] },
    ]);
    let text = || json!({ "label": "Text" });
    let rows = [
        (json!({ "label": "API key" }), text(), &both, 11),
        (json!({ "label": "Access token" }), text(), &both, 11),
        (json!({ "label": "Ask about your token" }), text(), &both, 10),
        (json!({ "placeholder": "sk-... (API key)" }), text(), &both, 11),
        (json!({ "label": "API key" }), json!({ "visible": false }), &hidden, 11),
    ];
    for (first, second, functions, expected) in rows {
        let message = message_among(&[first.clone(), second.clone()], functions);
        assert_eq!(message, Some(expected), "{first} {second}");
    }
}

#[test]
fn box_for_a_setting_comes_after_the_message_box() {
    let functions = json!([{ "targets": [[3, "click"]], "inputs": [10, 11, 1], "outputs": [1] }]);
    let rows = [
        (json!({ "label": "System prompt" }), json!({ "label": "Your message" }), 11),
        (json!({ "label": "System message" }), json!({ "label": "Text" }), 11),
        (json!({ "label": "Prompt" }), json!({ "label": "Negative prompt" }), 10),
        (json!({ "label": "Ask about the system" }), json!({ "label": "Text" }), 10),
        (json!({ "label": "Message to the booking system" }), json!({ "label": "Your name" }), 10),
        (json!({ "label": "System" }), json!({ "label": "Text" }), 11),
        (json!({ "elem_id": "system_instructions" }), json!({ "label": "Text" }), 11),
    ];
    for (first, second, expected) in rows {
        let message = message_among(&[first.clone(), second.clone()], &functions);
        assert_eq!(message, Some(expected), "{first} {second}");
    }
}

#[test]
fn box_for_a_search_comes_after_other_chats() {
    let functions = json!([
        { "targets": [[10, "submit"]], "inputs": [10], "outputs": [1] },
        { "targets": [[3, "click"]], "inputs": [11], "outputs": [1] },
    ]);
    let rows = [
        (json!({ "label": "Search" }), 11),
        (json!({ "label": "Search messages" }), 11),
        (json!({ "placeholder": "Filter by title" }), 11),
        (json!({ "label": "Your e-mail" }), 11),
        (json!({ "label": "Message", "placeholder": "I can search the web" }), 10),
        (json!({ "placeholder": "e.g. How do I change my email?" }), 10),
        (json!({ "placeholder": "Ask me to search the web" }), 10),
        (json!({ "label": "Question (with a URL)" }), 10),
        (json!({ "label": "Search or ask" }), 10),
    ];
    for (first, expected) in rows {
        let message = message_among(&[first.clone(), json!({})], &functions);
        assert_eq!(message, Some(expected), "{first}");
    }
}
