"""Two events on one box, of which the first one only empties it; a status code beside the chat."""
from support import *

with gr.Blocks() as demo:
    with gr.Accordion("System message:", open=False):
        system = gr.Textbox(label="Instruct the assistant to set its behaviour", value="")
        note = gr.HTML("You can set system message", visible=False)
    chat = gr.Chatbot(label="GPT4", elem_id="chatbot", **PAIRS)
    box = gr.Textbox(placeholder="Hi there!", label="Type an input and press Enter")
    state = gr.State([])
    with gr.Row():
        run = gr.Button("Run")
        status = gr.Textbox(label="Status code from OpenAI server", interactive=False)
    with gr.Accordion("Parameters", open=False):
        top_p = gr.Slider(0, 1, 1, label="Top-p")
        counter = gr.Number(value=0, visible=False, precision=0)

    def predict(system, text, top_p, counter, chat, history):
        past = history[0::2]
        for words in stream(text, past):
            yield chat + [[text, words]], history + [text, words], counter + 1, "<Response [200]>"

    for event in (box.submit, run.click):
        event(lambda: gr.update(value=""), [], [box])
        event(predict, [system, box, top_p, counter, chat, state], [chat, state, counter, status])
        event(lambda: gr.update(visible=False), [], [system])
        event(lambda: gr.update(visible=True), [], [note])
serve(demo)
