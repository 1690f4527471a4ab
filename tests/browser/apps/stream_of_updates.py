"""A stream of updates and skips: the value only in some of them, as `KIND` says."""
from support import *

KIND = os.environ["KIND"]

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    status = gr.Markdown()

    def reply(message, history):
        history = (history or []) + [user(message)]
        yield "", gr.update(value=history), "thinking"
        past = list(said(history))[:-1]
        for text in stream(message, past):
            whole = history + [bot(text)]
            if KIND == "updates":
                yield gr.update(), gr.update(value=whole), gr.update()
            elif KIND == "components":
                yield gr.Textbox(), gr.Chatbot(whole), gr.Markdown("writing")
            elif KIND == "placeholder":
                yield gr.update(placeholder="wait"), whole, gr.skip()
            else:
                yield gr.skip(), whole, gr.skip()
        yield gr.update(interactive=True), gr.update(), "done"

    box.submit(reply, [box, chat], [box, chat, status])
serve(demo)
