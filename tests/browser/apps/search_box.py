"""A search with its own results comes before the chat, whose message is sent by a button."""
from support import *

with gr.Blocks() as demo:
    key = gr.Textbox(label="OpenAI API key", type="password")
    search = gr.Textbox(label="Search")
    results = gr.Chatbot(label="Search results", **MESSAGES)
    search.submit(lambda text: [bot("results for " + text)], search, results)
    chat = gr.Chatbot(label="Assistant", elem_id="assistant", **MESSAGES)
    box = gr.Textbox(label="Your message")
    send = gr.Button("Send")
    send.click(lambda key, message, history: ("", history + [user(message), bot(f"key={key!r} message={message!r}")]), [key, box, chat], [box, chat])
serve(demo)
