"""The report as one HTML file that loads nothing from anywhere."""

import base64
import re
from collections.abc import Mapping
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from PIL import Image

from ablations.reports.content import Content
from ablations.reports.style import INK
from ablations.reports.text import MINUS

NUMBER = re.compile(r"(?P<number>[+-]?\d+(\.\d+)?)( (?P<unit>s|min|h)\b)?")
SECONDS = {"min": 60, "h": 3600}
RENEW_EVERY = 20  # seconds
KINDS = {".jpg": "image/jpeg", ".png": "image/png", ".pdf": "application/pdf"}


def render_html(content: Content, standing: str = "") -> str:
    """Fill the page's template, with style, figures and images inside the page; an image that is shown often, once.

    ``standing`` says where runs stand that go on; such a page loads itself anew every ``RENEW_EVERY`` seconds.
    """
    pictures = [name for name in content.files if name.startswith("samples/")]
    template = page_environment(content.files).get_template("report.html")
    return template.render(content.data, pictures=pictures, standing=standing, renew_every=RENEW_EVERY)


def page_environment(files: Mapping[str, bytes]) -> Environment:
    """Templates of pages whose style, figures and images lie inside them; ``files`` are those that they name."""
    environment = Environment(
        loader=PackageLoader("ablations.reports"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["inline_svg"] = lambda name: _inline_svg(files[name], name)
    environment.filters["data_uri"] = lambda name: _data_uri(files[name], name)
    environment.filters["base_name"] = lambda name: PurePosixPath(name).name
    environment.filters["picture_size"] = lambda name: _size(files[name])
    environment.filters["picture_id"] = _identifier
    environment.filters["sort_value"] = _sort_value
    environment.filters["panel_sample"] = _panel_sample
    return environment


def _data_uri(file: bytes, name: str) -> str:
    return f"data:{KINDS[PurePosixPath(name).suffix]};base64," + base64.b64encode(file).decode("ascii")


def _size(picture: bytes) -> tuple[int, int]:
    """Width and height in pixels."""
    with Image.open(BytesIO(picture)) as image:
        return image.size


def _sort_value(words: str) -> str:
    """The number that a cell begins with, times in seconds; empty without one."""
    match = NUMBER.match(words.replace(MINUS, "-"))
    return f"{float(match['number']) * SECONDS.get(match['unit'], 1):g}" if match else ""


def _panel_sample(row: dict[str, Any]) -> dict[str, Any]:
    """A panel's row as one of a gallery of a single design, with its number and whether it failed as note."""
    note = f"{row['value']}, failure" if row["failure"] else row["value"]
    return {**row, "predictions": [row["prediction"]], "note": note}


def _identifier(name: str) -> str:
    return re.sub(r"\W", "-", name)


def _inline_svg(svg: bytes, name: str) -> Markup:
    """The drawing as an element: ids made unique on the page, ink in the page's own colour (light or dark)."""
    text = svg.decode("utf-8")
    text = text[text.index("<svg") :].replace(f": {INK}", ": currentColor")
    text = re.sub(r'(\bid="|href="#|clip-path="url\(#)', rf"\g<1>{_identifier(name)}-", text)
    return Markup(text)
