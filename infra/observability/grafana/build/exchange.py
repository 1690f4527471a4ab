"""What Grafana needs to import a dashboard from a file or from grafana.com: `__inputs` and `__requires`.

Provisioning ignores both keys, so one file serves both ways.
"""

import pathlib
import re

from panels import SOURCES, source_input

COMPOSE = pathlib.Path(__file__).resolve().parents[2] / "compose.yaml"

# Names as in Grafana's own exports.
PANELS = {
    "bargauge": "Bar gauge",
    "stat": "Stat",
    "state-timeline": "State timeline",
    "table": "Table",
    "timeseries": "Time series",
}


def grafana_version():
    """The version of compose.yaml, with which the dashboards are used."""
    return re.search(r"image: grafana/grafana:(\S+)", COMPOSE.read_text())[1]


def _required(kind, ident, name, version):
    return {"type": kind, "id": ident, "name": name, "version": version}


def with_requirements(board):
    sources = sorted({v["query"] for v in board["templating"]["list"] if v["type"] == "datasource"})
    used = sorted({p["type"] for p in board["panels"] if p["type"] != "row"})
    grafana = [_required("grafana", "grafana", "Grafana", grafana_version())]
    panels = [_required("panel", kind, PANELS[kind], "") for kind in used]
    data = [_required("datasource", kind, SOURCES[kind], "1.0.0") for kind in sources]
    inputs = [
        {"name": source_input(kind), "label": SOURCES[kind], "description": "", "type": "datasource", "pluginId": kind, "pluginName": SOURCES[kind]}
        for kind in sources
    ]
    return {**board, "__inputs": inputs, "__requires": [*grafana, *data, *panels]}
