"""The parts of all dashboards: queries, panels, colours, variables.

Two rules apply to every panel: missing data is shown in grey with the text "no data" and never in red, because it does
not mean "down"; every panel has a description. The expressions for Prometheus are in `promql`.
"""

from grafana_foundation_sdk.builders import bargauge, cloudwatch, common, dashboard, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import cloudwatch as cw
from grafana_foundation_sdk.models import common as c
from grafana_foundation_sdk.models import dashboard as d
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

PROMETHEUS = d.DataSourceRef(type_val="prometheus", uid="${datasource}")
CLOUDWATCH = d.DataSourceRef(type_val="cloudwatch", uid="${datasource}")
NO_DATA = "no data"

GREEN, YELLOW, RED, GREY = "green", "yellow", "red", "text"


# --- Queries

def query(expr, legend="", instant=False, table_format=False, ref="A"):
    """One PromQL query; `instant` for the current value, otherwise a range for a graph."""
    built = prometheus.Dataquery().expr(" ".join(expr.split())).legend_format(legend).ref_id(ref).datasource(PROMETHEUS)
    built = built.instant() if instant else built.range()
    return built.format(PromQueryFormat.TABLE) if table_format else built


def search(expression, label, ref="a"):
    """One CloudWatch metric expression; `label` may use ${PROP('Dim.Probe')} and similar properties."""
    return (
        cloudwatch.MetricsQuery()
        .query_mode(cw.QueryMode.METRICS)
        .metric_query_type(cw.MetricQueryType.SEARCH)
        .metric_editor_mode(cw.MetricEditorMode.CODE)
        .region("$region").namespace("").metric_name("").statistic("Average").period("").dimensions({}).match_exact(True)
        .expression(expression).label(label).id(ref).ref_id(ref.upper()).datasource(CLOUDWATCH)
    )


# --- Colours and texts

def steps(*pairs):
    """Thresholds: the first colour is that of the lowest values, each (value, colour) applies from its value on."""
    first, *rest = pairs
    listed = [d.Threshold(value=None, color=first)] + [d.Threshold(value=float(v), color=colour) for v, colour in rest]
    return dashboard.ThresholdsConfig().mode(d.ThresholdsMode.ABSOLUTE).steps(listed)


def words(**named):
    """Value mapping, `words(v0=("down", RED))`; null and NaN read "no data", in grey."""
    options = {key[1:]: d.ValueMappingResult(text=text, color=colour, index=i) for i, (key, (text, colour)) in enumerate(named.items())}
    nothing = d.DashboardSpecialValueMapOptions(
        match=d.SpecialValueMatch.NULL_AND_NAN, result=d.ValueMappingResult(text=NO_DATA, color=GREY, index=len(options))
    )
    known = [d.ValueMap(options=options)] if options else []
    return [*known, d.SpecialValueMap(options=nothing)]


STATE = dict(v0=("up", GREEN), v1=("degraded", YELLOW), v2=("down", RED))
BUDGET = (RED, (0, YELLOW), (0.25, GREEN))
LATENCY = (GREEN, (3, YELLOW), (10, RED))


# --- Panels

def _common(panel, title, description, targets, unit, thresholds, mappings, source, size):
    width, height = size
    panel = panel.title(title).description(" ".join(description.split())).datasource(source).span(width).height(height).no_value(NO_DATA)
    for target in targets:
        panel = panel.with_target(target)
    if unit:
        panel = panel.unit(unit)
    if thresholds:
        panel = panel.thresholds(steps(*thresholds))
    # Without this, a missing value has the colour of the first threshold, which may be red.
    return panel.mappings(words(**(mappings or {})))


def number(title, description, target, *, unit="none", thresholds=(GREY,), mappings=None, size=(4, 4), decimals=None, source=PROMETHEUS,
           calc="lastNotNull", text=False, over=None):
    """One value for each series, coloured by its thresholds; `over`: a fixed time range, independent of the dashboard."""
    panel = _common(stat.Panel(), title, description, [target], unit, thresholds, mappings, source, size)
    reduce = common.ReduceDataOptions().calcs([calc]).values(text)
    panel = panel.reduce_options(reduce).graph_mode(c.BigValueGraphMode.NONE).color_mode(c.BigValueColorMode.VALUE)
    panel = panel.color_scheme(dashboard.FieldColor().mode(d.FieldColorModeId.THRESHOLDS))
    if text:
        panel = panel.text_mode(c.BigValueTextMode.NAME)
    if over:
        panel = panel.time_from(over)
    return panel if decimals is None else panel.decimals(decimals)


def graph(title, description, *targets, unit="s", thresholds=None, size=(12, 8), stack=False, bars=False, points=False, source=PROMETHEUS,
          low=0, high=None, interval=None, line=None):
    """Lines over time; `line` draws the thresholds as dashed lines."""
    panel = _common(timeseries.Panel(), title, description, targets, unit, thresholds, None, source, size)
    if low is not None:
        panel = panel.min(low)
    if high is not None:
        panel = panel.max(high)
    if interval:
        panel = panel.interval(interval)
    panel = panel.line_width(1).fill_opacity(60 if bars else 25 if stack else 5)
    panel = panel.show_points(c.VisibilityMode.ALWAYS if points else c.VisibilityMode.AUTO)
    if bars:
        panel = panel.draw_style(c.GraphDrawStyle.BARS)
    if stack or bars:
        panel = panel.stacking(common.StackingConfig().mode(c.StackingMode.NORMAL).group("A"))
    if line:
        panel = panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(c.GraphThresholdsStyleMode.DASHED))
    legend = common.VizLegendOptions().display_mode(c.LegendDisplayMode.TABLE).placement(c.LegendPlacement.BOTTOM).show_legend(True)
    panel = panel.legend(legend.calcs(["lastNotNull", "max"]))
    return panel.tooltip(common.VizTooltipOptions().mode(c.TooltipDisplayMode.MULTI).sort(c.SortOrder.DESCENDING))


def states(title, description, *targets, mappings=None, size=(24, 8), source=PROMETHEUS):
    """A row of coloured intervals for each series."""
    panel = _common(statetimeline.Panel(), title, description, targets, "none", (GREY,), mappings or STATE, source, size)
    panel = panel.merge_values(True).show_value(c.VisibilityMode.NEVER).row_height(0.85)
    panel = panel.color_scheme(dashboard.FieldColor().mode(d.FieldColorModeId.THRESHOLDS))
    return panel.legend(common.VizLegendOptions().display_mode(c.LegendDisplayMode.LIST).placement(c.LegendPlacement.BOTTOM).show_legend(True))


def bars(title, description, target, *, unit, thresholds, size=(12, 8), low=None, high=None, source=PROMETHEUS):
    """One horizontal bar for each series."""
    panel = _common(bargauge.Panel(), title, description, [target], unit, thresholds, None, source, size)
    if low is not None:
        panel = panel.min(low)
    if high is not None:
        panel = panel.max(high)
    panel = panel.orientation(c.VizOrientation.HORIZONTAL).display_mode(c.BarGaugeDisplayMode.BASIC)
    return panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))


def rows(title, description, columns, *, size=(24, 10), link=None):
    """A table joined on its labels. `columns`: (heading, expression, unit, thresholds, mappings); labels come first."""
    panel = table.Panel()
    targets, named = [], {}
    for ref, (heading, expr, *_rest) in zip("ABCDEFGHIJKL", columns):
        targets.append(query(expr, instant=True, table_format=True, ref=ref))
        # Grafana omits the letter if there is only one query.
        named["Value" if len(columns) == 1 else f"Value #{ref}"] = heading
    panel = _common(panel, title, description, targets, None, None, None, PROMETHEUS, size)
    panel = panel.with_transformation(d.DataTransformerConfig(id_val="merge", options={}))
    panel = panel.with_transformation(
        d.DataTransformerConfig(id_val="organize", options={"excludeByName": {"Time": True, "__name__": True}, "renameByName": named})
    )
    for heading, _expr, unit, thresholds, mappings in columns:
        properties = [d.DynamicConfigValue("unit", unit), d.DynamicConfigValue("mappings", words(**(mappings or {})))]
        if thresholds:
            properties += [
                d.DynamicConfigValue("thresholds", steps(*thresholds).build()),
                d.DynamicConfigValue("custom.cellOptions", {"type": "color-text"}),
            ]
        elif mappings:
            properties.append(d.DynamicConfigValue("custom.cellOptions", {"type": "color-text"}))
        panel = panel.override_by_name(heading, properties)
    if link:
        target, url = link
        panel = panel.override_by_name(target, [d.DynamicConfigValue("links", [{"title": "open", "url": url}])])
    return panel


# --- Variables

def option(text, value=None):
    return d.VariableOption(selected=True, text=text, value=value if value is not None else text)


SOURCES = {"prometheus": "Prometheus", "cloudwatch": "CloudWatch"}


def source_input(kind):
    """Grafana asks for this data source when the dashboard is imported, and replaces `${NAME}` by the answer."""
    return f"DS_{kind.upper()}"


def choose_source(kind):
    """A variable whose value is the answer to the import. Provisioning replaces nothing: Grafana then selects by the text, the name."""
    return dashboard.DatasourceVariable("datasource").label("Data source").type(kind).current(option(SOURCES[kind], f"${{{source_input(kind)}}}"))


def from_labels(name, label, expr, *, multi=True, all_value=".+"):
    """A variable that lists the values of a label. `.+` and not `.*`, because series without the label are not from Vigie."""
    built = dashboard.QueryVariable(name).label(label).datasource(PROMETHEUS).query({"query": expr, "refId": name})
    built = built.refresh(d.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(d.VariableSort.ALPHABETICAL_ASC)
    if not multi:
        return built
    return built.multi(True).include_all(True).all_value(all_value).current(d.VariableOption(selected=True, text=["All"], value=["$__all"]))


def fixed(name, label, values, description):
    """A variable with a list of values, the first one chosen; any other can be typed in."""
    built = dashboard.CustomVariable(name).label(label).description(description).values(",".join(values)).current(option(values[0]))
    return built.allow_custom_value(True).options([d.VariableOption(selected=i == 0, text=v, value=v) for i, v in enumerate(values)])


LOOKBACK = fixed(
    "lookback", "Look back", ["10m", "30m", "2h", "12h", "2d"],
    "How long the last result is shown. The result of a slow probe, which runs less than three times in 16 minutes, is always shown for two days.",
)
OBJECTIVES = ["0.995", "0.99", "0.999", "0.9"]
OBJECTIVE = fixed("objective", "Objective", OBJECTIVES, "Availability objective over 30 days, as a share, of probes whose file has no `objective`.")
OBJECTIVE_OF_ALL = fixed("objective", "Objective", OBJECTIVES, "Availability objective over 30 days, as a share, of all probes: CloudWatch has no metric of the objective in a probe file.")


def board(uid, title, description, *variables, span="now-6h", links=True):
    built = dashboard.Dashboard(title).uid(uid).description(description).tags(["vigie"]).readonly()
    built = built.time(span, "now").refresh("1m").timezone("browser").tooltip(d.DashboardCursorSync.CROSSHAIR)
    for variable in variables:
        built = built.with_variable(variable)
    if links:
        link = dashboard.DashboardLink("Vigie").type(d.DashboardLinkType.DASHBOARDS).tags(["vigie"]).as_dropdown(True)
        # The default placement would hide it in a menu.
        built = built.link(link.include_vars(True).keep_time(True).placement(None))
    return built


def row(title):
    return dashboard.Row(title)
