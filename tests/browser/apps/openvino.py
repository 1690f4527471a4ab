"""The id of the conversation is the default of a state, a function that is called for each session."""
from support import *
import uuid

contexts = {}
with gr.Blocks() as demo:
    conversation = gr.State(lambda: str(uuid.uuid4()))
    gr.Markdown("<h1><center>OpenVINO Chatbot</center></h1>")
    chat = gr.Chatbot(height=500, **MESSAGES)
    with gr.Row():
        box = gr.Textbox(label="Chat Message Box", placeholder="Chat Message Box", show_label=False, container=False)
        submit, stop, clear = gr.Button("Submit"), gr.Button("Stop"), gr.Button("Clear")
    temperature = gr.Slider(0, 1, 0.1, label="Temperature")

    def reply(history, temperature, conversation):
        past = contexts.setdefault(conversation, [])
        last = list(said(history))[-1]
        for text in stream(last, past):
            yield history + [bot(text)]
        past.append(last)

    events = []
    for event in (box.submit, submit.click):
        events.append(
            event(lambda message, history: ("", history + [user(message)]), [box, chat], [box, chat], queue=False).then(
                reply, [chat, temperature, conversation], chat, queue=True
            )
        )
    stop.click(None, None, None, cancels=events, queue=False)
    clear.click(lambda: None, None, chat, queue=False)
serve(demo)
