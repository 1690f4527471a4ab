"""A chat interface whose function returns a component, a file or a list of them, as `KIND` says."""
from support import *

KIND = os.environ["KIND"]
PICTURE = picture()
TEXTFILE = PICTURE.replace(".png", ".txt")
with open(TEXTFILE, "w") as file:
    file.write("The answer is 42")


def reply(message, history):
    return {
        "markdown": lambda: gr.Markdown("The answer is 42"),
        "html": lambda: gr.HTML("<p>The answer is 42</p>"),
        "code": lambda: gr.Code("print(42)"),
        "table": lambda: gr.Dataframe([[42]]),
        "gallery": lambda: gr.Gallery([PICTURE]),
        "tuple": lambda: (PICTURE,),
        "path": lambda: {"path": PICTURE},
        "file": lambda: gr.File(TEXTFILE),
        "text-and-image": lambda: ["The answer is 42", gr.Image(PICTURE)],
        "dict-files": lambda: {"text": "The answer is 42", "files": [PICTURE]},
        "chat-message": lambda: gr.ChatMessage(content="The answer is 42"),
        "content-path": lambda: {"role": "assistant", "content": {"path": PICTURE}},
        "content-component": lambda: {"role": "assistant", "content": gr.Image(PICTURE)},
        "textbox": lambda: gr.Textbox("The answer is 42"),
        "image": lambda: gr.Image(PICTURE),
        "wide-gallery": lambda: gr.Gallery([PICTURE], columns=2, height=200),
        "json": lambda: gr.JSON({"answer": 42}),
        "label": lambda: gr.Label("The answer is 42"),
        "number": lambda: gr.Number(42),
        "button": lambda: gr.Button("The answer is 42"),
        "empty-html": lambda: gr.HTML(""),
        "update": lambda: gr.update(value="The answer is 42"),
    }[KIND]()


serve(interface(reply))
