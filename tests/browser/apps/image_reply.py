"""The reply is a picture."""
from support import *
import pathlib
import tempfile
from PIL import Image

path = pathlib.Path(tempfile.mkdtemp()) / "pixel.png"
Image.new("RGB", (16, 16), "red").save(path)
serve(interface(lambda message, history: gr.Image(str(path))), allowed_paths=[str(path.parent)])
