"""The project's documents as the tests of this directory read them."""

import json
import re
from pathlib import Path
from textwrap import indent

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
NOTEBOOKS = ROOT / "docs" / "notebooks"
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


@pytest.fixture(scope="session")
def run_notebook(run_script):
    """A function that runs a notebook's cells, one after the other, in a directory; the process that has ended."""

    def run(name, directory):
        script = directory.with_name(f"{name}.py")
        script.write_text(script_of(json.loads((NOTEBOOKS / f"{name}.ipynb").read_text())))
        return run_script(script, directory=directory)

    return run


def script_of(notebook):
    """A notebook's code, in which the commands that Jupyter gives to a shell are run from here."""
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    code = re.sub(r"^!(.*)$", r'print(run_line("""\1""", Path()))', "\n".join(cells), flags=re.MULTILINE)
    head = "from pathlib import Path\n\nimport matplotlib\nfrom forked import run_line\n\nmatplotlib.use('agg')\n"
    return f"{head}if __name__ == '__main__':\n{indent(code, '    ')}\n"
