"""The kinds of panels and variables that the dashboards are put together from."""

from collections.abc import Mapping, Sequence
from string import ascii_uppercase

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, statetimeline, table, text, timeseries
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

__all__ = [
    "BAD",
    "GOOD",
    "INSTANCE",
    "UNKNOWN",
    "WARNING",
    "curves",
    "new_dashboard",
    "note",
    "number",
    "rows_of",
    "states",
    "station_variables",
    "variable",
]

# Colour-blind safe (Okabe and Ito); every state is said in words as well.
GOOD, WARNING, BAD, UNKNOWN = "#0072B2", "#E69F00", "#D55E00", "#999999"

INSTANCE = 'instance="$instance"'
"""Selects the station that the variables of `station_variables` name."""

_SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
_DISCLAIMER = (
    "Research software, not a medical device. **No alert does not mean no pain.** Prometheus asks every few seconds: "
    "this page is for the people who keep the equipment running; alerts reach people by the page and by Redis."
)

Queries = Mapping[str, str]
"""What a legend says -> the PromQL expression."""


def new_dashboard(uid: str, title: str, description: str) -> dashboard.Dashboard:
    """Return a dashboard with a choice of the data source and links to its neighbours.

    Args:
        uid: Part of its address; never changes.
        title: What people see.
        description: One sentence.
    """
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["nicu-monitor"])
        .timezone("browser")
        .refresh("10s")
        .time("now-1h", "now")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .link(
            dashboard.DashboardLink("NICU monitor")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags(["nicu-monitor"])
            .as_dropdown(as_dropdown=False)
            .include_vars(include_vars=True)
            .keep_time(keep_time=True)
        )
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )


def variable(name: str, query: str) -> dashboard.QueryVariable:
    """Return a variable whose values Prometheus knows.

    Args:
        name: Without the dollar sign.
        query: Such as `label_values(up, instance)`.
    """
    made = dashboard.QueryVariable(name).label(name.capitalize()).datasource(_SOURCE).query(query)
    return made.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(models.VariableSort.ALPHABETICAL_ASC)


def station_variables(board: dashboard.Dashboard) -> dashboard.Dashboard:
    """Let people choose a station by its own name; its metrics carry only the address.

    A station that moved within the time shown, such as a pod that was replaced, has several: people choose one.
    """
    board.with_variable(variable("station", "label_values(nicu_monitor_build_info, station)"))
    chosen = 'label_values(nicu_monitor_build_info{station="$station"}, instance)'
    return board.with_variable(variable("instance", chosen))


def note() -> text.Panel:
    """Return the sentence that every dashboard begins with."""
    return text.Panel().title("").transparent(transparent=True).content(_DISCLAIMER).height(2).span(24)


def curves(
    title: str,
    queries: Queries,
    *,
    unit: str = "short",
    description: str = "",
    span: int = 8,
    top: float | None = None,
    lines: Sequence[float] = (),
) -> timeseries.Panel:
    """Return curves over time.

    Args:
        title: What is shown.
        queries: Legend to expression.
        unit: Grafana's id of the unit.
        description: What a reader should know.
        span: Width, of 24.
        top: Fixed upper end of the axis; None follows the data.
        lines: Values at which a line is drawn across.
    """
    panel = timeseries.Panel().title(title).description(description).datasource(_SOURCE).unit(unit).min(0)
    panel.height(8).span(span).line_width(1).fill_opacity(5).show_points(common_models.VisibilityMode.NEVER)
    panel.tooltip(common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI))
    panel.legend(
        common.VizLegendOptions()
        .show_legend(show_legend=True)
        .display_mode(common_models.LegendDisplayMode.LIST)
        .placement(common_models.LegendPlacement.BOTTOM)
    )
    if top is not None:
        panel.max(top)
    if lines:
        panel.thresholds(_steps([(None, "transparent"), *((line, BAD) for line in lines)]))
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(common_models.GraphThresholdsStyleMode.LINE))
    for target in _targets(queries):
        panel.with_target(target)
    return panel


def number(
    title: str,
    expression: str,
    *,
    unit: str = "short",
    words: Mapping[str, tuple[str, str]] | None = None,
    steps: Sequence[tuple[float | None, str]] = ((None, GOOD),),
    description: str = "",
) -> stat.Panel:
    """Return one number, or one word, that holds now.

    Args:
        title: What is shown.
        expression: PromQL with one series as its result.
        unit: Grafana's id of the unit.
        words: Value to (word, colour) where the number stands for a state.
        steps: (from this value on, colour), smallest first; None is minus infinity.
        description: What a reader should know.
    """
    panel = stat.Panel().title(title).description(description).datasource(_SOURCE).unit(unit).height(4).span(4)
    panel.graph_mode(common_models.BigValueGraphMode.NONE).no_value("not known").thresholds(_steps(steps))
    panel.color_mode(common_models.BigValueColorMode.VALUE)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    if words is not None:
        panel.mappings([_words(words)])
    return panel.with_target(_query(expression, "", "A", instant=True))


def states(
    title: str,
    queries: Queries,
    words: Mapping[str, tuple[str, str]],
    *,
    description: str = "",
    span: int = 12,
) -> statetimeline.Panel:
    """Return states over time, one bar a series; a gap means that nothing is known.

    Args:
        title: What is shown.
        queries: Legend to expression.
        words: Value to (word, colour).
        description: What a reader should know.
        span: Width, of 24.
    """
    panel = statetimeline.Panel().title(title).description(description).datasource(_SOURCE).height(8).span(span)
    panel.mappings([_words(words)]).line_width(0).fill_opacity(80)
    for target in _targets(queries):
        panel.with_target(target)
    return panel


def rows_of(
    title: str,
    queries: Queries,
    columns: Mapping[str, str],
    *,
    description: str = "",
    span: int = 12,
) -> table.Panel:
    """Return a table of what holds now.

    Args:
        title: What is shown.
        queries: Head of the value's column to expression; rows of several queries with equal labels become one.
        columns: Label to column head, in this order; other labels are not shown.
        description: What a reader should know.
        span: Width, of 24.
    """
    panel = table.Panel().title(title).description(description).datasource(_SOURCE).height(8).span(span)
    panel.no_value("none is known")
    heads = dict(columns)
    for letter, (head, expression) in zip(ascii_uppercase, queries.items(), strict=False):
        panel.with_target(_query(expression, "", letter, instant=True).format(PromQueryFormat.TABLE))
        heads["Value" if len(queries) == 1 else f"Value #{letter}"] = head
    if len(queries) > 1:
        panel.with_transformation(models.DataTransformerConfig("merge", options={}))
    shown = {"include": {"names": list(heads)}}
    panel.with_transformation(models.DataTransformerConfig("filterFieldsByName", options=shown))
    order = {name: index for index, name in enumerate(heads)}
    renamed = {"indexByName": order, "renameByName": heads}
    return panel.with_transformation(models.DataTransformerConfig("organize", options=renamed))


def _targets(queries: Queries) -> list[prometheus.Dataquery]:
    return [
        _query(query, legend, letter) for letter, (legend, query) in zip(ascii_uppercase, queries.items(), strict=False)
    ]


def _query(expression: str, legend: str, letter: str, *, instant: bool = False) -> prometheus.Dataquery:
    made = prometheus.Dataquery().expr(expression).legend_format(legend).datasource(_SOURCE).ref_id(letter)
    return made.instant() if instant else made.range()


def _steps(steps: Sequence[tuple[float | None, str]]) -> dashboard.ThresholdsConfig:
    made = [models.Threshold(value=value, color=color) for value, color in steps]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(made)


def _words(words: Mapping[str, tuple[str, str]]) -> models.ValueMap:
    return models.ValueMap({value: models.ValueMappingResult(text=word, color=c) for value, (word, c) in words.items()})
