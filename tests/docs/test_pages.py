"""The pages as ``make docs`` builds them; where Sphinx is not installed, ``make docs`` alone looks at them."""

import re
from pathlib import Path

import pytest

pytest.importorskip("sphinx")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    from sphinx.cmd.build import main

    directory = tmp_path_factory.mktemp("pages")
    assert main(["--quiet", "--fail-on-warning", str(ROOT / "docs"), str(directory)]) == 0
    return directory


def test_every_document_is_a_page(build):
    for path in (ROOT / "docs").glob("*.md"):
        assert (build / f"{path.stem}.html").is_file()


def test_no_page_loads_anything_from_another_host(build):
    for page in build.glob("*.html"):
        loaded = re.findall(r"<(?:script|img|iframe|link)\b[^>]*?\b(?:src|href)=\"([^\"]+)\"", page.read_text())
        assert loaded
        assert [address for address in loaded if re.match(r"(https?:)?//", address)] == []
    for style in build.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", style.read_text())
