"""The context is a JSON component beside the chat; begin, infer, and postprocess are three steps."""
from support import *

with gr.Blocks() as demo:
    with gr.Row():
        with gr.Column(scale=1):
            top_k = gr.Slider(1, 1000, 100, step=1, label="Top-k")
            context = gr.JSON(label="Raw context", value={"context": []})
            length = gr.Slider(1, 1024, 128, step=1, label="Maximum length")
        with gr.Column(scale=4):
            state = gr.State({"context": []})
            chat = gr.Chatbot(label="Chatbot", **PAIRS)
            utterance = gr.Textbox(placeholder="Enter your question", label="Utterance")
            with gr.Row():
                clear, send = gr.Button("Clear"), gr.Button("Send")

    def begin(utterance, state):
        state["context"].append(user(utterance))
        pairs = [[message["content"], None] for message in state["context"] if message["role"] == "user"]
        replies = [message["content"] for message in state["context"] if message["role"] != "user"]
        return None, [[pair[0], reply] for pair, reply in zip(pairs, replies + [None])], state["context"], state

    def infer(chat, state, top_k, length):
        past = [message["content"] for message in state["context"][:-1] if message["role"] == "user"]
        state["context"].append(bot(""))
        for text in stream(state["context"][-2]["content"], past):
            state["context"][-1]["content"] = text
            yield chat[:-1] + [[chat[-1][0], text]], state["context"], state

    for event in (utterance.submit, send.click):
        event(begin, [utterance, state], [utterance, chat, context, state], queue=False, api_name=False).then(
            infer, [chat, state, top_k, length], [chat, context, state], api_name=False
        )
    clear.click(lambda: (None, None, {}, {"context": []}), None, [utterance, chat, context, state], queue=False)
serve(demo)
