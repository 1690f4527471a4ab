"""The number of the session is given out by the load event, and contexts are kept by it on the server."""
from support import *

contexts, numbers = {}, []
with gr.Blocks() as demo:
    chat = gr.Chatbot(label="Local", **PAIRS)
    state = gr.State([])
    session = gr.State(0)
    box = gr.Textbox(placeholder="Please input the instruction", label="Instruction")
    with gr.Row():
        cancel, reset = gr.Button(value="Cancel", interactive=False), gr.Button(value="Reset")

    def reply(text, state, cancel, reset, session):
        past = contexts.setdefault(session, [])
        for words in stream(text, past):
            pairs = state + [[text, words]]
            yield pairs, pairs, gr.Button(interactive=True), gr.Button(interactive=False)
        past.append(text)
        yield pairs, pairs, gr.Button(interactive=False), gr.Button(interactive=True)

    def init():
        numbers.append(len(numbers) + 1)
        return numbers[-1]

    box.submit(reply, [box, state, cancel, reset, session], [state, chat, cancel, reset])
    box.submit(lambda: gr.Textbox(value=""), [], [box])
    demo.load(init, inputs=None, outputs=[session])
serve(demo)
