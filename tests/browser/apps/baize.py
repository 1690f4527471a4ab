"""Transfer, answer with a status line, and reset, in one chain over four states."""
from support import *

with gr.Blocks() as demo:
    history, asked = gr.State([]), gr.State("")
    with gr.Row():
        gr.HTML("<h1>Chat with Baize</h1>")
        status = gr.Markdown("Success", elem_id="status_display")
    chat = gr.Chatbot(elem_id="chuanhu_chatbot", **PAIRS)
    with gr.Row():
        box = gr.Textbox(show_label=False, placeholder="Enter text", container=False)
        submit, cancel = gr.Button("Send"), gr.Button("Stop")
    top_p = gr.Slider(0, 1, 0.95, label="Top-p")

    def predict(text, chat, history, top_p):
        past = [question for question, _ in history]
        for words in stream(text, past):
            yield chat + [[text, words]], history + [[text, words]], "Generating..."
        yield chat + [[text, words]], history + [[text, words]], "Generate: Success"

    for event in (box.submit, submit.click):
        event(lambda text: (text, ""), [box], [asked, box]).then(
            predict, [asked, chat, history, top_p], [chat, history, status], show_progress=True
        )
serve(demo)
