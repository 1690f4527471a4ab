"""The thought of a stream becomes the answer: its title is removed at the end."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")

    def reply(history):
        *past, last = list(said(history))
        for text in stream(last, past):
            yield history + [{"role": "assistant", "content": text, "metadata": {"title": "Thinking", "status": "pending"}}]
        yield history + [bot(answer(last, past))]

    box.submit(lambda message, history: ("", history + [user(message)]), [box, chat], [box, chat]).then(reply, chat, chat)
serve(demo)
