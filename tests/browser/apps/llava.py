"""The state is made by the load event from the page's parameters, which JavaScript supplies; without it nothing works."""
from support import *

QUERY = "() => Object.fromEntries(new URLSearchParams(window.location.search))"
with gr.Blocks() as demo:
    state = gr.State()
    params = gr.JSON(visible=False)
    with gr.Row():
        with gr.Column(scale=3):
            model = gr.Dropdown(["llava-7b"], value="llava-7b", label="Model")
            image = gr.Image(type="pil")
            process = gr.Radio(["Crop", "Default"], value="Default", label="Preprocess")
        with gr.Column(scale=8):
            chat = gr.Chatbot(label="LLaVA", **PAIRS)
            with gr.Row():
                box = gr.Textbox(show_label=False, placeholder="Enter text and press ENTER", container=False)
                send = gr.Button(value="Send")

    def load(params):
        return {"messages": [], "model": params.get("model", "llava-7b")}, gr.Dropdown(visible=True)

    def add(state, text, image, process):
        state["messages"] = state["messages"] + [[text, None]]
        return state, state["messages"], "", None

    def reply(state, model):
        for pairs in grow_pairs(state["messages"]):
            state["messages"] = pairs
            yield state, pairs

    for event in (box.submit, send.click):
        event(add, [state, box, image, process], [state, chat, box, image], queue=False).then(reply, [state, model], [state, chat])
    demo.load(load, [params], [state, model], js=QUERY, queue=False)
serve(demo)
