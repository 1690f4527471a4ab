"""A button adds the message, the next step answers, and a parallel event empties the box."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(label="Qwen-VL-Chat", **PAIRS)
    query = gr.Textbox(lines=2, label="Input", elem_id="query")
    history = gr.State([])
    with gr.Row():
        add_file = gr.UploadButton("Upload", file_types=["image"])
        submit, again, empty = gr.Button("Submit"), gr.Button("Regenerate"), gr.Button("Clear History")

    def predict(chat, history):
        for pairs in grow_pairs(chat):
            yield pairs
        history[-1] = pairs[-1]

    submit.click(
        lambda chat, history, text: (chat + [[text, None]], history + [[text, None]]), [chat, history, query], [chat, history]
    ).then(predict, [chat, history], [chat], show_progress=True)
    submit.click(lambda: gr.update(value=""), [], [query])
    empty.click(lambda: ([], []), None, [chat, history], show_progress=True)
    again.click(predict, [chat, history], [chat])
    add_file.upload(lambda history, chat, file: (history, chat), [history, chat, add_file], [history, chat])
serve(demo)
