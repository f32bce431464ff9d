"""The report as one HTML file that loads nothing from anywhere."""

import base64
import re
from io import BytesIO

from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from PIL import Image

from reports.content import Content
from reports.style import INK


def render_html(content: Content) -> str:
    """Fill the page's template, with style, figures and images inside the page; an image that is shown often, once."""
    environment = Environment(loader=PackageLoader("reports"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["inline_svg"] = lambda name: _inline_svg(content.files[name], name)
    environment.filters["data_uri"] = lambda name: _data_uri(content.files[name], name)
    environment.filters["picture_size"] = lambda name: _size(content.files[name])
    environment.filters["picture_id"] = _identifier
    pictures = [name for name in content.files if name.startswith("samples/")]
    return environment.get_template("report.html").render(content.data, pictures=pictures)


def _data_uri(picture: bytes, name: str) -> str:
    kind = "jpeg" if name.endswith(".jpg") else "png"
    return f"data:image/{kind};base64," + base64.b64encode(picture).decode("ascii")


def _size(picture: bytes) -> tuple[int, int]:
    """Width and height in pixels."""
    with Image.open(BytesIO(picture)) as image:
        return image.size


def _identifier(name: str) -> str:
    return re.sub(r"\W", "-", name)


def _inline_svg(svg: bytes, name: str) -> Markup:
    """The drawing as an element: ids made unique on the page, ink in the page's own colour (light or dark)."""
    text = svg.decode("utf-8")
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{_identifier(name)}-", text)
    return Markup(text)
