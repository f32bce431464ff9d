"""The report as Markdown."""

import re
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from ablations.reports.content import Content


def render_markdown(content: Content) -> str:
    """Fill the Markdown template; every value is escaped, so that a row's name is shown as it is spelled."""
    environment = Environment(
        loader=PackageLoader("ablations.reports"),
        autoescape=False,
        finalize=_escape,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.md").render(content.data)


def pictures(content: Content) -> list[str]:
    """The pictures that the Markdown shows beside its figures: they have to lie beside it."""
    rows = [row for page in content.data["panels"] for row in page["rows"]]
    names = [row[kind] for row in rows for kind in ("image", "truth", "prediction")]
    for page in content.data["attention"]:
        names += [page["image"], page["truth"], *(name for row in page["rows"] for name in row["pictures"])]
    return list(dict.fromkeys(names))


def _escape(value: Any) -> Any:
    """Backslash before whatever Markdown would read; a value that a template marks `safe` stays as it is."""
    return value if isinstance(value, Markup) else re.sub(r"([\\`*_<>|#$~\[\]])", r"\\\1", str(value))
