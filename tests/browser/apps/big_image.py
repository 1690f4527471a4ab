"""An answer with a large picture in its Markdown."""
from support import *
import base64
import io
from PIL import Image


def picture():
    data = io.BytesIO()
    Image.frombytes("RGB", (1100, 1100), os.urandom(1100 * 1100 * 3)).save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()


serve(interface(lambda message, history: f"Here it is: ![picture](data:image/png;base64,{picture()})"))
