"""The project's documents as the tests of this directory read them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(params=DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def document(request):
    return request.param


@pytest.fixture(scope="session")
def prose():
    """A function that gives a document's text without its blocks of code."""
    return lambda path: BLOCK.sub("", path.read_text())


@pytest.fixture(scope="session")
def commands():
    """A function that gives the lines of a document's blocks for bash, without comments, continued lines joined."""
    return commands_of


def commands_of(path):
    text = "".join(code for language, code in BLOCK.findall(path.read_text()) if language == "bash")
    lines = text.replace("\\\n", " ").splitlines()
    return [line for line in (re.sub(r"(^|\s)#.*", "", line).strip() for line in lines) if line]
