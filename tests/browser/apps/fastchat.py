"""The conversation is in a state that the load event makes; JavaScript gives it the page's parameters."""
from support import *

QUERY = "() => Object.fromEntries(new URLSearchParams(window.location.search))"
with gr.Blocks() as demo:
    state = gr.State()
    params = gr.JSON(visible=False)
    model = gr.Dropdown(["vicuna-7b", "alpaca-13b"], value="vicuna-7b", label="Model")
    chat = gr.Chatbot(label="Scroll down and start chatting", **PAIRS)
    with gr.Row():
        box = gr.Textbox(show_label=False, placeholder="Enter your prompt here and press ENTER", container=False)
        send = gr.Button(value="Send", scale=0)
    with gr.Row():
        buttons = [gr.Button(value=name, interactive=False) for name in ("Upvote", "Downvote", "Flag", "Regenerate", "Clear")]
    temperature = gr.Slider(0, 1, 0.7, label="Temperature")

    def load(params):
        if "model" in params:
            return [], gr.Dropdown(value=params["model"])
        return [], gr.Dropdown()

    def add(state, model, text):
        if state is None:
            state = []
        state = state + [[text, None]]
        return [state, state, ""] + [gr.Button(interactive=False)] * 5

    def reply(state, temperature):
        for state in grow_pairs(state):
            yield [state, state] + [gr.Button(interactive=False)] * 5
        yield [state, state] + [gr.Button(interactive=True)] * 5

    for event in (box.submit, send.click):
        event(add, [state, model, box], [state, chat, box] + buttons).then(reply, [state, temperature], [state, chat] + buttons)
    demo.load(load, [params], [state, model], js=QUERY)
serve(demo)
