"""One step that takes the box, the settings and two states, and a second event that empties the box."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**PAIRS)
    box = gr.Textbox(show_label=False, placeholder="Input...", lines=10)
    submit = gr.Button("Submit")
    empty = gr.Button("Clear History")
    length = gr.Slider(0, 4096, value=2048, label="Maximum length")
    history, cache = gr.State([]), gr.State(None)

    def predict(text, chat, length, history, cache):
        for pairs in grow_pairs(chat + [[text, ""]]):
            yield pairs, pairs, cache

    submit.click(predict, [box, chat, length, history, cache], [chat, history, cache], show_progress=True)
    submit.click(lambda: gr.update(value=""), [], [box])
    empty.click(lambda: ([], [], None), outputs=[chat, history, cache])
serve(demo)
