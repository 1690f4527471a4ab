"""JSON in a fenced block after a sentence."""
from support import *

serve(interface(lambda message, history: 'Sure!\n```json\n{"ok": true}\n```'))
