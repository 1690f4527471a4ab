"""The reply is an HTML component."""
from support import *

serve(interface(lambda message, history: gr.HTML("<b>hi</b> &amp; welcome")))
