"""Starts the fault proxy and makes it forward the signed parts of a request without changes.

The emulator checks signatures, as AWS does. The proxy writes its upstream's address into Host, leaves
Content-Length out and unpacks compressed bodies; all of these are signed, so calls would be refused.
"""

import functools
import sys

from aiohttp import web_protocol
from microburst import cli, forward

rewritten = getattr(forward.Upstream, "_outbound_headers", None)
if rewritten is None:
    sys.exit("microburst no longer has Upstream._outbound_headers; see tests/emulator/faults.py")


def as_signed(self, request):
    kept = {name.lower(): request.headers[name] for name in ("Host", "Content-Length") if name in request.headers}
    return {**rewritten(self, request), **kept}


forward.Upstream._outbound_headers = as_signed
web_protocol.RequestHandler.__init__ = functools.partialmethod(
    web_protocol.RequestHandler.__init__, auto_decompress=False
)
sys.exit(cli.main())
