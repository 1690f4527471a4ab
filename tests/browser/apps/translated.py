"""Labels and placeholders are translated by the page."""
from support import *

i18n = gr.I18n(en={"message": "Message", "chat": "Chat", "send": "Send"}, fr={"message": "Message", "chat": "Discussion", "send": "Envoyer"})

with gr.Blocks() as demo:
    chat = gr.Chatbot(label=i18n("chat"), **MESSAGES)
    box = gr.Textbox(label=i18n("message"), placeholder=i18n("message"))
    key = gr.Textbox(label=i18n("chat"), type="password")
    send = gr.Button(i18n("send"))
    gr.on([send.click, box.submit], lambda message, history, key: ("", history + [user(message)]), [box, chat, key], [box, chat]).then(grow, chat, chat)
serve(demo, i18n=i18n)
