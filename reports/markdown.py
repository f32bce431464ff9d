"""The report as Markdown."""

import re
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from reports.content import Content


def render_markdown(content: Content) -> str:
    """Fill the Markdown template; every value is escaped, so that a row's name is shown as it is spelled."""
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=False,
        finalize=_escape,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.md").render(content.data)


def _escape(value: Any) -> Any:
    """Backslash before whatever Markdown would read; a value that a template marks `safe` stays as it is."""
    return value if isinstance(value, Markup) else re.sub(r"([\\`*_<>|#$~\[\]])", r"\\\1", str(value))
