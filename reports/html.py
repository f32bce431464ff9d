"""The report as one HTML file that loads nothing from anywhere."""

import base64
import re

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from reports.content import Content
from reports.style import INK


def render_html(content: Content) -> str:
    """Fill the page's template, with style, figures and images inside the page."""
    environment = Environment(loader=PackageLoader("reports"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["inline_svg"] = lambda name: _inline_svg(content.files[name], name)
    environment.filters["data_uri"] = lambda name: _data_uri(content.files[name])
    return environment.get_template("report.html").render(content.data)


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _inline_svg(svg: bytes, name: str) -> Markup:
    """The drawing as an element: ids made unique on the page, ink in the page's own colour (light or dark)."""
    text = svg.decode("utf-8")
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    prefix = re.sub(r"\W", "-", name)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}-", text)
    return Markup(text)
