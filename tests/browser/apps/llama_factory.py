"""The column with the box appears once a model is loaded; the chat keeps its messages in a state of their own."""
from support import *

with gr.Blocks() as demo:
    load = gr.Button("Load model")
    info = gr.Textbox(label="Model status", interactive=False)
    with gr.Column(visible=False) as column:
        chat = gr.Chatbot(**MESSAGES)
        messages = gr.State([])
        with gr.Row():
            role = gr.Dropdown(["user", "observation"], value="user", label="Role")
            system = gr.Textbox(label="System prompt")
            query = gr.Textbox(label="Input", lines=8, elem_id="query")
        submit = gr.Button("Submit")
        tokens = gr.Slider(8, 8192, 1024, label="Maximum new tokens")

    def append(chat, messages, role, query):
        return chat + [user(query)], messages + [{"role": role, "content": query}], ""

    def reply(chat, messages, system, tokens):
        *past, last = [message["content"] for message in messages if message["role"] == "user"]
        for text in stream(last, past):
            yield chat + [bot(text)], messages + [bot(text)]

    load.click(lambda: ("Model loaded.", gr.Column(visible=True)), None, [info, column])
    submit.click(append, [chat, messages, role, query], [chat, messages, query]).then(
        reply, [chat, messages, system, tokens], [chat, messages]
    )
    if "LOADED" in os.environ:
        demo.load(lambda: ("Model loaded.", gr.Column(visible=True)), None, [info, column])
serve(demo)
