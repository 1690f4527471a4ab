"""A box for text and files; the chain makes a conversation, answers, and fills a panel with information."""
from support import *

with gr.Blocks() as demo:
    conversation = gr.State("")
    chat = gr.Chatbot(**MESSAGES)
    box = gr.MultimodalTextbox(placeholder="Chat input", show_label=False, interactive=True)
    with gr.Accordion("Information panel"):
        info = gr.HTML()
    names = gr.Dropdown([], label="Conversations", allow_custom_value=True)

    def submit(message, history, conversation):
        if not message["text"]:
            raise gr.Error("Please input a message.")
        conversation = conversation or "c1"
        return {"text": "", "files": []}, history + [user(message["text"])], conversation, gr.Dropdown(choices=[conversation], value=conversation)

    def reply(conversation, history):
        for messages in grow(history):
            yield messages, "<h5>Retrieving evidence</h5>"
        yield messages, "<details><summary>Evidence</summary>doc1.pdf, page 3</details>"

    box.submit(submit, [box, chat, conversation], [box, chat, conversation, names], show_progress="hidden").success(
        reply, [conversation, chat], [chat, info], show_progress="minimal"
    ).then(lambda: None, None, None)
serve(demo)
