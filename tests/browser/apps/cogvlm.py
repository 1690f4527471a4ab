"""The chat begins with a greeting of the bot; a button sends, and one step does everything."""
from support import *

with gr.Blocks() as demo:
    with gr.Row():
        with gr.Column(scale=4.5):
            box = gr.Textbox(label="Input Text", placeholder="Please enter text prompt below and press ENTER.", elem_id="prompt")
            with gr.Row():
                run, clear = gr.Button("Generate"), gr.Button("Clear")
            image = gr.Image(type="filepath", label="Image Prompt")
        with gr.Column(scale=5.5):
            chat = gr.Chatbot(label="Multi-round conversation History", value=[["", "Hi, What do you want to know?"]], **PAIRS)
            digest = gr.Textbox(visible=False)
    temperature = gr.Slider(0, 1, 0.8, label="Temperature")

    def post(text, temperature, image, history, digest):
        past = [question for question, _ in history]
        return "", history + [[text, answer(text, past)]], digest

    run.click(post, [box, temperature, image, chat, digest], [box, chat, digest])
    box.submit(post, [box, temperature, image, chat, digest], [box, chat, digest])
    clear.click(lambda: ("", [["", "Hi, What do you want to know?"]]), None, [box, chat])
serve(demo)
