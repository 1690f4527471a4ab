"""Writes the dashboards' JSON beside this folder, or compares it with `--check` (exit 1 when it differs).

    pip install -r infra/observability/grafana/build/requirements.txt
    python infra/observability/grafana/build
"""

import json
import pathlib
import sys

import exchange
import fleet
import fleet_cloudwatch
import probe
import runbook
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

OUT = pathlib.Path(__file__).resolve().parent.parent / "dashboards"


def text(module):
    board = json.loads(JSONEncoder(sort_keys=True).encode(module.build().build()))
    # Reading it back through Grafana's types refuses what they do not know.
    Dashboard.from_json(board)
    return json.dumps(exchange.with_requirements(board), sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def main():
    stale = []
    for module in (fleet, probe, runbook, fleet_cloudwatch):
        path = OUT / f"vigie-{module.__name__.replace('_', '-')}.json"
        wanted = text(module)
        if "--check" not in sys.argv:
            path.write_text(wanted)
        elif not path.exists() or path.read_text() != wanted:
            stale.append(path.name)
    if stale:
        sys.exit(f"not what the generator writes: {', '.join(stale)}; run it without --check")


main()
