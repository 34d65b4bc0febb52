"""The demo's live status in the terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from monitor.board.snapshot import BoardSnapshot

__all__ = ["draw"]

_BAR_CELLS = 24


def draw(snapshot: BoardSnapshot, addresses: dict[str, str], seconds: float) -> RenderableType:
    """Return what the beds show now, and where to see more."""
    table = Table(title=f"nicu-monitor demo, {seconds:.0f} s: synthetic infants, research software")
    for column in ("bed", "state", "level", "coverage", "camera"):
        table.add_column(column)
    for bed in snapshot.beds:
        observation = bed.observation
        table.add_row(
            bed.info.bed_id,
            bed.status.words,
            _bar(None if observation is None else observation.level),
            "-" if observation is None else f"{observation.coverage:.0%}",
            "-" if bed.camera is None else str(bed.camera.state),
        )
    page = Text.assemble("Open ", (addresses["page"], "bold underline"), " in a browser.")
    where = Text("\n".join(f"{name:<20} {address}" for name, address in addresses.items()), style="dim")
    return Group(page, table, where, Text("No alert does not mean no pain. Ctrl-C ends.", style="italic"))


def _bar(level: float | None) -> Text:
    if level is None:
        return Text("cannot be determined".ljust(_BAR_CELLS + 5), style="yellow")
    filled = round(level * _BAR_CELLS)
    return Text(f"{'█' * filled}{'·' * (_BAR_CELLS - filled)} {level:.2f}")
