"""Pages whose bots answer with the tenant of the query."""
from support import *

with gr.Blocks() as demo:
    gr.Markdown("home")


def chat_page(name):
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox(label="Message")

    def reply(message, history, request: gr.Request):
        tenant = request.query_params.get("tenant", "none")
        return "", history + [user(message), bot(f"{name} of {tenant}: {message}")]

    box.submit(reply, [box, chat], [box, chat])


with demo.route("Sales", "/sales-bot.v2"):
    chat_page("sales")
with demo.route("Support", "/support"):
    chat_page("support")
serve(demo)
