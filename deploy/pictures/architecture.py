"""Make docs/images/architecture.svg from the imports of the code: `python -m deploy.pictures.architecture`.

A box is a package, its text the first sentence of the package's docstring. An arrow says "imports"; what follows from
other arrows is left out. Imports that are made only when they are needed count; those for type checkers do not. What
everybody imports (configuration, clock, errors) is left out. Where packages import each other in a circle there is no
picture, but an error that names the circle.
"""

import ast
import sys
from pathlib import Path
from textwrap import wrap
from xml.sax.saxutils import escape

import grimp

__all__ = ["PICTURE", "draw", "main"]

REPOSITORY = Path(__file__).resolve().parents[2]
PICTURE = REPOSITORY / "docs" / "images" / "architecture.svg"
_BOX_WIDTH, _LINE_HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 256, 17, 28, 46, 24
_TEXT_COLUMNS = 33
_COLOURS = {"monitor": ("#e7f0fa", "#0b4f94"), "trainer": ("#fdf0d8", "#8a5200"), "export": ("#ece8f7", "#43386f")}

_HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" font-family="system-ui, sans-serif"
role="img">
<title>Packages of nicu-pain-monitor and what they import; made by deploy/pictures</title>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0 8 4 0 8z" fill="#5a6672"/></marker></defs>"""

Edges = list[tuple[str, str]]


def draw() -> str:
    """Return the picture as SVG.

    Raises:
        ValueError: Packages import each other in a circle.
    """
    edges = _imports()
    circle = _find_circle(edges)
    if circle is not None:
        raise ValueError(f"packages import each other: {' -> '.join(circle)}")
    names = sorted({name for edge in edges for name in edge})
    return _svg(_rows(names, edges), _reduced(edges))


def _imports() -> Edges:
    graph = grimp.build_graph("monitor", "trainer", "export", exclude_type_checking_imports=True, cache_dir=None)
    edges: set[tuple[str, str]] = set()
    for module in graph.modules:
        source = _part(module)
        for imported in graph.find_modules_directly_imported_by(module):
            target = _part(imported)
            if source is not None and target is not None and source != target:
                edges.add((source, target))
    return sorted(edges)


def _part(module: str) -> str | None:
    """Return the box that a module belongs to; None for what is left out."""
    top, *below = module.split(".")
    if top != "monitor":
        return top
    if not below or not (REPOSITORY / top / below[0]).is_dir():
        return None
    return f"{top}/{below[0]}"


def _find_circle(edges: Edges) -> list[str] | None:
    below: dict[str, list[str]] = {}
    for source, target in edges:
        below.setdefault(source, []).append(target)
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str] | None:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return None
        for target in below.get(name, ()):
            found = walk(target, [*path, name])
            if found is not None:
                return found
        done.add(name)
        return None

    return next((found for name in sorted(below) if (found := walk(name, [])) is not None), None)


def _reachable(edges: Edges, start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        for source, target in edges:
            if source == name and target not in found:
                found.add(target)
                waiting.append(target)
    return found


def _reduced(edges: Edges) -> Edges:
    """Leave out what follows from other edges."""
    remaining = []
    for source, target in sorted(edges):
        others = [other for first, other in edges if first == source and other != target]
        if not any(target in _reachable(edges, other) for other in others):
            remaining.append((source, target))
    return remaining


def _rows(names: list[str], edges: Edges) -> list[list[str]]:
    """Put every box below all that import it, as high as it can be; neighbours under those who import them."""

    def height(name: str) -> int:
        return 1 + max((height(source) for source, target in edges if target == name), default=-1)

    depth = {name: height(name) for name in names}
    rows: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for name in names:
        rows[depth[name]].append(name)
    position: dict[str, float] = {}
    for row in rows:
        above = {name: [position[s] for s, t in edges if t == name and s in position] for name in row}
        row.sort(key=lambda name: (sum(above[name]) / len(above[name]) if above[name] else 0.5, name))
        for number, name in enumerate(row):
            position[name] = (number + 0.5) / len(row)
    return rows


def _text(name: str) -> list[str]:
    source = (REPOSITORY / name / "__init__.py").read_text(encoding="utf-8")
    docstring = ast.get_docstring(ast.parse(source)) or ""
    return wrap(docstring.split("\n\n")[0].replace("\n", " "), _TEXT_COLUMNS)


def _svg(rows: list[list[str]], edges: Edges) -> str:
    widest = max(len(row) for row in rows)
    width = 2 * _MARGIN + widest * _BOX_WIDTH + (widest - 1) * _GAP_X
    boxes: dict[str, tuple[float, float, float]] = {}
    y = float(_MARGIN)
    for row in rows:
        tallest = max(28 + _LINE_HEIGHT * (1 + len(_text(name))) - 12 for name in row)
        x = (width - len(row) * _BOX_WIDTH - (len(row) - 1) * _GAP_X) / 2
        for name in row:
            boxes[name] = (x, y, tallest)
            x += _BOX_WIDTH + _GAP_X
        y += tallest + _GAP_Y
    height = y - _GAP_Y + _MARGIN
    arrows = [_arrow(boxes, edge) for edge in edges]
    shapes = [_box(name, *boxes[name]) for row in rows for name in row]
    return "\n".join(
        [
            _HEAD.format(width=width, height=height),
            f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
            *arrows,
            *shapes,
            "</svg>",
            "",
        ]
    )


def _arrow(boxes: dict[str, tuple[float, float, float]], edge: tuple[str, str]) -> str:
    (x0, y0, h0), (x1, y1, _) = boxes[edge[0]], boxes[edge[1]]
    begin_x, end_x = x0 + _BOX_WIDTH / 2, x1 + _BOX_WIDTH / 2
    # Arrows leave and arrive spread over the edge of a box, towards where they come from and go to.
    lean = max(-0.35, min(0.35, (end_x - begin_x) / 900))
    begin_x, end_x = begin_x + lean * _BOX_WIDTH, end_x - lean * _BOX_WIDTH
    begin_y, end_y = y0 + h0, y1
    bend = (end_y - begin_y) * 0.5
    return (
        f'<path d="M{begin_x:.0f} {begin_y:.0f} C{begin_x:.0f} {begin_y + bend:.0f} {end_x:.0f} {end_y - bend:.0f} '
        f'{end_x:.0f} {end_y:.0f}" fill="none" stroke="#5a6672" stroke-width="1.4" marker-end="url(#tip)"/>'
    )


def _box(name: str, x: float, y: float, height: float) -> str:
    fill, ink = _COLOURS[name.split("/", maxsplit=1)[0]]
    lines = "".join(
        f'<text x="{x + 12:.0f}" y="{y + 24 + _LINE_HEIGHT * (n + 1):.0f}" font-size="13" fill="#16202b">'
        f"{escape(line)}</text>"
        for n, line in enumerate(_text(name))
    )
    return (
        f'<g><rect x="{x:.0f}" y="{y:.0f}" width="{_BOX_WIDTH}" height="{height:.0f}" rx="7" fill="{fill}" '
        f'stroke="{ink}"/><text x="{x + 12:.0f}" y="{y + 23:.0f}" font-size="15" font-weight="700" fill="{ink}">'
        f"{escape(name)}</text>{lines}</g>"
    )


def main() -> None:
    """Write the picture, or with `--check` only say whether it is up to date."""
    if "--check" in sys.argv:
        sys.exit(0 if PICTURE.is_file() and PICTURE.read_text(encoding="utf-8") == draw() else 1)
    PICTURE.write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main()
