"""Two events on one button: one answers, the other one empties the box; the history is kept beside the chat."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(label="Qwen", **PAIRS)
    query = gr.Textbox(lines=2, label="Input", elem_id="query")
    history = gr.State([])
    with gr.Row():
        empty, submit, again = gr.Button("Clear History"), gr.Button("Submit"), gr.Button("Regenerate")

    def predict(query, chat, history):
        for pairs in grow_pairs(chat + [[query, None]]):
            yield pairs
        history.append((query, pairs[-1][1]))

    submit.click(predict, [query, chat, history], [chat], show_progress=True)
    submit.click(lambda: gr.update(value=""), [], [query])
    empty.click(lambda: ([], []), None, [chat, history])
    again.click(lambda chat: chat, [chat], [chat])
serve(demo)
