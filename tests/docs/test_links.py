"""Links of the documents lead to files and headings that are there. Sphinx looks at the links among the pages too."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = "m2f|ablations|reports|configs|tests|scripts|baselines|docs"


def links(text):
    return [link for link in re.findall(r"!?\[[^\]]*\]\(([^)\s]+)\)", text) if "://" not in link]


def anchors(text):
    """The names that GitHub gives to the headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_somewhere(document, prose):
    for link in links(prose(document)):
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(prose(target)), link


def test_files_that_are_named_are_there(document, prose):
    """Paths from the repository's root, in code, such as `ablations/planning/plan.py`."""
    for name in re.findall(rf"`((?:{FOLDERS})/[\w./-]*)`", prose(document)):
        assert (ROOT / name).exists(), name


def test_every_page_is_reached_from_the_start_page(prose):
    index = ROOT / "docs" / "index.md"
    pages = {path.name for path in index.parent.glob("*.md")} - {index.name}
    assert pages == {link for link in links(prose(index)) if link.endswith(".md")}
