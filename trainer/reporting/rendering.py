"""A document as one HTML page that needs nothing else, and as Markdown with its pictures beside it."""

import base64
import re

import jinja2
from markupsafe import Markup

from trainer.evaluation.tables import markdown_text
from trainer.reporting.document import Document, Picture
from trainer.reporting.plotting import inline_svg, standalone_svg

__all__ = ["as_html", "as_markdown", "picture_files"]

_NUMBER = re.compile(r"[-+]?\d[\d.,]*( ?[%±\[(].*)?|-")
_LONGEST_NUMBER = 34


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("trainer.reporting", "templates"),
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.j2", "css")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "inline": _inline,
        "data_uri": _data_uri,
        "md": markdown_text,
        "fence": _fence,
        "md_link": lambda text: text.replace(" ", "%20"),
    }
    environment.tests["number"] = _is_number
    return environment


def as_html(document: Document) -> str:
    """Return one page: styles and pictures are within it, and it asks no other machine for anything."""
    return _environment().get_template("report.html.j2").render(document=document)


def as_markdown(document: Document, folder: str) -> str:
    """Return the same content as Markdown.

    Args:
        document: The report.
        folder: Where `picture_files` are, relative to the Markdown file.
    """
    text = _environment().get_template("report.md.j2").render(document=document, folder=folder)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def picture_files(document: Document) -> dict[str, bytes]:
    """Return the content of every picture's file by name."""
    return {
        f"{picture.name}.{picture.suffix}": standalone_svg(picture.content)
        if picture.suffix == "svg"
        else picture.content
        for picture in document.pictures
    }


def _inline(picture: Picture) -> Markup:
    # Only charts of this program come here; matplotlib escapes every text in them.
    return Markup(inline_svg(picture.content, picture.name))  # noqa: S704 - see above


def _data_uri(picture: Picture) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(picture.content).decode()}"


def _is_number(text: str) -> bool:
    return len(text) <= _LONGEST_NUMBER and _NUMBER.fullmatch(text) is not None


def _fence(text: str) -> str:
    """Return a code fence that is longer than any within the text."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    return "`" * max(3, longest + 1)
