"""The bot says what it received from components that nobody touched."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message", elem_id="message")
    settings = [
        gr.Slider(0, 10, label="slider"),
        gr.Slider(3, 10, value=5, label="slider with value"),
        gr.Dropdown(["a", "b"], label="dropdown"),
        gr.Dropdown(["a", "b"], value=None, label="dropdown none"),
        gr.Dropdown([("A", 1), ("B", 2)], value=2, label="dropdown pairs"),
        gr.Dropdown(["a", "b"], multiselect=True, label="several"),
        gr.Radio(["a", "b"], label="radio"),
        gr.Radio(["a", "b"], value="b", label="radio with value"),
        gr.Checkbox(label="checkbox"),
        gr.Checkbox(value=True, label="checked"),
        gr.CheckboxGroup(["a", "b"], label="group"),
        gr.Number(label="number"),
        gr.Number(value=3, precision=0, label="number with value"),
        gr.Textbox(label="text", value=None),
        gr.Textbox(label="lines", value="x", lines=3),
        gr.Code(label="code"),
        gr.JSON(label="data"),
        gr.ColorPicker(label="color"),
        gr.Markdown("text"),
        gr.HTML("<b>html</b>"),
        gr.Image(label="image"),
        gr.File(label="file"),
        gr.Audio(label="audio"),
        gr.State({"a": 1}),
        gr.Button("Button"),
        gr.HighlightedText(label="highlighted"),
        gr.Label(label="label"),
    ]

    def reply(message, history, *values):
        text = "; ".join(f"{setting.label if hasattr(setting, 'label') else 'x'} = {value!r}" for setting, value in zip(settings, values))
        return "", history + [user(message), bot(text)]

    box.submit(reply, [box, chat, *settings], [box, chat])
serve(demo)
