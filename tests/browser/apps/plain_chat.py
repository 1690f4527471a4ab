"""The plain chat interface: streams, and remembers by its history."""
from support import *

serve(interface(lambda message, history: (yield from stream(message, said(history)))))
