"""Tabs with forms; the answer and the emptied box come from one event, a second one logs."""
from support import *

with gr.Blocks() as demo:
    store, status = gr.State("samples"), gr.State("ready")
    with gr.Tab("Chat"):
        with gr.Row():
            with gr.Column(scale=10):
                chat = gr.Chatbot([[None, "The model is loaded, you can start."]], show_label=False, **PAIRS)
                query = gr.Textbox(show_label=False, placeholder="Enter your question and press Enter", container=False)
            with gr.Column(scale=5):
                mode = gr.Radio(["LLM", "Knowledge base", "Bing"], label="Mode", value="LLM")
                base = gr.Textbox(label="Name of the new knowledge base", visible=False)

        def reply(query, store, history, mode):
            for pairs in grow_pairs(history + [[query, ""]]):
                yield pairs, ""

        query.submit(reply, [query, store, chat, mode], [chat, query])
        mode.change(lambda mode, chat: chat, [mode, chat], chat)
    with gr.Tab("Model"):
        models = gr.Radio(["chatglm2-6b", "vicuna-13b"], label="Model", value="chatglm2-6b")
        gr.Button("Load").click(lambda: [[None, "loaded"]], None, chat)
    demo.load(lambda: gr.update(value="LLM"), None, mode, queue=True)
serve(demo)
