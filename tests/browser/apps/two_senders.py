"""Two buttons send: one asks the bot, one searches the web; and Enter does what the choice says."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")
    search = gr.Button("Search the web")
    ask = gr.Button("Ask")

    def reply(message, history):
        return "", history + [user(message), bot(answer(message, said(history)))]

    def results(message, history):
        return "", history + [user(message), bot("three results")]

    search.click(results, [box, chat], [box, chat])
    ask.click(reply, [box, chat], [box, chat])
    box.submit(reply, [box, chat], [box, chat])
serve(demo)
