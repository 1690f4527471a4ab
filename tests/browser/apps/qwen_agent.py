"""A box for text and files that is locked while the agent runs; the last step unlocks it."""
from support import *

with gr.Blocks() as demo:
    history = gr.State([])
    chat = gr.Chatbot(label="Agent", **MESSAGES)
    box = gr.MultimodalTextbox(placeholder="Chat with Qwen", show_label=False)
    with gr.Row():
        agents = gr.Dropdown(["Agent"], value="Agent", label="Agents", interactive=True)

    def add(message, chat, history):
        history.append(message["text"])
        return gr.update(interactive=False, value=None), chat + [user(message["text"])], history

    def run(chat, history):
        for text in stream(history[-1], history[:-1]):
            yield chat + [bot(text)], history

    box.submit(add, [box, chat, history], [box, chat, history], queue=False).then(run, [chat, history], [chat, history]).then(
        lambda: gr.update(interactive=True), None, [box], queue=False
    )
serve(demo)
