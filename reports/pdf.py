"""The report as a PDF, typeset by typst."""

import json
import tempfile
from pathlib import Path

import typst

from ablations.reports.content import Content

TEMPLATE = Path(__file__).with_name("templates") / "report.typ"


def render_pdf(content: Content) -> bytes:
    """Typeset the content; its words reach the template as data (JSON), so nothing in them is read as markup."""
    with tempfile.TemporaryDirectory() as directory:
        template = write_sources(content, Path(directory))
        # Only the fonts inside typst, so that the pages look the same on every machine.
        return bytes(typst.compile(template, root=Path(directory), format="pdf", ignore_system_fonts=True))


def write_sources(content: Content, directory: Path) -> Path:
    """Lay the template, its data and the files it shows into a directory; returns the template's path."""
    template = directory / "report.typ"
    template.write_bytes(TEMPLATE.read_bytes())
    (directory / "data.json").write_text(json.dumps(content.data, allow_nan=False), encoding="utf-8")
    for name, file in content.files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file)
    return template
