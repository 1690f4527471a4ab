"""The last chunk changes only the status; the chat keeps what was streamed."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    status = gr.Textbox(label="Status", interactive=False)
    box = gr.Textbox(label="Message")

    def reply(message, history):
        past = list(said(history))
        for text in stream(message, past):
            yield "", history + [user(message), bot(text)], "busy"
        yield "", gr.update(), "done"

    box.submit(reply, [box, chat], [box, chat, status])
serve(demo)
