"""Text in, a picture out."""
from support import *
from PIL import Image

serve(gr.Interface(lambda prompt: Image.new("RGB", (8, 8), "red"), gr.Textbox(label="Prompt"), gr.Image(label="Picture", elem_id="picture", show_label=False), **({"flagging_mode": "never"} if VERSION >= 5 else {"allow_flagging": "never"})))
