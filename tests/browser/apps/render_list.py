"""The list of notes is drawn by `gr.render`; the chat beside it is not."""
from support import *

with gr.Blocks() as demo:
    notes = gr.State([])

    @gr.render(inputs=notes)
    def draw(notes):
        for note in notes:
            gr.Textbox(note, label="Note")

    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")

    asked = box.submit(lambda message, history: ("", history + [user(message)]), [box, chat], [box, chat])
    asked.then(grow, chat, chat).then(lambda history, notes: notes + [list(said(history))[-1]], [chat, notes], notes)
serve(demo)
