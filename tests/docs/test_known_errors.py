"""Each sentence of ``docs/known-errors.md`` is one of the code's, whatever it names."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SENTENCES = re.findall(r"^```text\n(.*?)\n```$", (ROOT / "docs" / "known-errors.md").read_text(), re.MULTILINE)
LEAST = 15  # letters that do not vary, or a template fits anything


@pytest.fixture(scope="module")
def templates():
    """The texts of the code as patterns, in which anything may stand where a value is put in."""
    files = [path for package in ("m2f", "ablations") for path in (ROOT / package).rglob("*.py")]
    trees = [ast.parse(text) for path in files if "Error(" in (text := path.read_text())]
    return [re.compile(found) for tree in trees for node in ast.walk(tree) if (found := pattern(node))]


def pattern(node):
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    fixed = [part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "" for part in parts]
    return ".*".join(map(re.escape, fixed)) if len("".join(fixed)) >= LEAST else ""


def test_there_are_enough_to_be_of_use():
    assert len(SENTENCES) == len(set(SENTENCES)) >= 20


@pytest.mark.parametrize("sentence", SENTENCES)
def test_the_code_has_the_sentence(sentence, templates):
    assert any(template.fullmatch(sentence) for template in templates)
