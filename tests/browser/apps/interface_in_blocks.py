"""A chat interface with its own components, drawn into the layout of Blocks."""
from support import *

with gr.Blocks() as demo:
    with gr.Row():
        with gr.Column(scale=1):
            style = gr.Dropdown(["plain", "polite"], value="plain", label="Style")
            heat = gr.Slider(0, 1, value=0.5, label="Temperature")
        with gr.Column(scale=3):
            chat = gr.Chatbot(placeholder="Ask me anything", **MESSAGES)
            box = gr.Textbox(placeholder="Ask", show_label=False)
            interface(
                lambda message, history, style, heat: answer(message, said(history)),
                chatbot=chat, textbox=box, additional_inputs=[style, heat],
            )
serve(demo)
