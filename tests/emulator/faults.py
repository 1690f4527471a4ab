"""Starts the fault proxy, with one thing put right: it keeps the Host that the client signed.

The proxy writes its upstream's address into Host. The emulator checks signatures, as AWS does, and
Host is part of them, so every call through the proxy would be refused.
"""

import sys

from microburst import cli, forward

rewritten = getattr(forward.Upstream, "_outbound_headers", None)
if rewritten is None:
    sys.exit("microburst has no Upstream._outbound_headers any more; see tests/emulator/faults.py")


def with_the_signed_host(self, request):
    return {**rewritten(self, request), "host": request.headers["Host"]}


forward.Upstream._outbound_headers = with_the_signed_host
sys.exit(cli.main())
