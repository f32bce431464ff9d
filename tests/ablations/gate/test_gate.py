"""``m2f check`` and ``m2f diff``, as their users give them."""

import json
import re
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from ablations.cli import main
from ablations.gate.baseline_file import BaselineFile, Evidence, TableRow, read_baseline_file, write_baseline_file

MASKED = TableRow("4c", "mini", "panoptic", "masked attention")
SMCA = MASKED._replace(variant="SMCA")
VALUES = {0: 48.5, 1: 47.2, 2: 49.3, 3: 48.1, 4: 47.9}


def call(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def sweep(tmp_path):
    """Write evidence to a file; ``lower`` is taken from all values, which are other seeds'."""

    def write(name, lower=0.0, rows=(MASKED, SMCA), commit="c0ffee"):
        values = {seed + (5 if lower else 0): value - lower for seed, value in VALUES.items()}
        sources = {MASKED.block: {"commit": commit, "processor": "A processor"}}
        evidence = Evidence({(row, "PQ"): values for row in rows}, {row: {"params": 1.5} for row in rows}, {}, sources)
        write_baseline_file(tmp_path / name, BaselineFile(evidence))
        return tmp_path / name

    return write


@pytest.mark.parametrize(("lower", "code"), [(0.0, 0), (1.0, 0), (9.0, 1), (-9.0, 0)])
def test_exit_codes(sweep, lower, code):
    result = call("check", "--store", sweep("new", lower), "--baseline", sweep("old"))
    assert result.exit_code == code, result.output
    assert result.output.count("regressed ") == 2 * code


def test_missing_rows_fail_unless_allowed(sweep):
    arguments = ["check", "--store", sweep("new", rows=[MASKED]), "--baseline", sweep("old")]
    result = call(*arguments)
    assert (result.exit_code, "missing    4c SMCA (panoptic, mini): PQ, params" in result.output) == (1, True)
    assert call(*arguments, "--allow-missing").exit_code == 0


def test_files_for_programs(sweep, tmp_path):
    junit, findings = tmp_path / "check.xml", tmp_path / "check.json"
    arguments = ["--junit", junit, "--json", findings]
    assert call("check", "--store", sweep("new", 9.0), "--baseline", sweep("old"), *arguments).exit_code == 1
    assert json.loads(findings.read_text())["passed"] is False
    assert ElementTree.parse(junit).getroot().get("failures") == "2"


def test_bad_input(sweep, tmp_path):
    new = sweep("new")
    for arguments, complaint in (
        (["check", "--store", new, "--baseline", tmp_path / "none"], "--update"),
        (["check", "--store", tmp_path / "none", "--baseline", new], "There is nothing at"),
        (
            ["check", "--store", new, "--baseline", sweep("other", rows=[MASKED._replace(table="4e")])],
            "no row in common",
        ),
        (["check", "--store", new, "--baseline", tmp_path / "b", "--update", "--allow-missing"], "--allow-missing"),
        (["diff", new, tmp_path / "none"], "There is nothing at"),
    ):
        result = call(*arguments)
        assert result.exit_code == 2, result.output
        assert complaint in result.output
        assert result.stderr.count("\n") == 1


def test_update_makes_a_baseline_and_takes_a_sweep_into_it(sweep, tmp_path):
    baseline = tmp_path / "baseline.json"
    assert call("check", "--store", sweep("first"), "--baseline", baseline, "--update").exit_code == 0
    assert read_baseline_file(baseline).evidence.metrics[MASKED, "PQ"] == VALUES
    baseline.write_text(baseline.read_text().replace('"tolerances": {}', '"tolerances": {"SQ": 2.0}'))
    result = call("check", "--store", sweep("second", 9.0), "--baseline", baseline, "--update")
    assert result.exit_code == 0
    assert "regressed " in result.output
    taken = read_baseline_file(baseline)
    assert taken.evidence.metrics[MASKED, "PQ"][5] == pytest.approx(39.5)
    assert taken.tolerances == {"SQ": 2.0}
    assert call("check", "--store", tmp_path / "second", "--baseline", baseline).exit_code == 0


def test_update_writes_over_nothing_else(sweep, tmp_path):
    other = tmp_path / "notes.json"
    other.write_text('{"mine": 1}')
    assert call("check", "--store", sweep("new"), "--baseline", other, "--update").exit_code == 2
    assert other.read_text() == '{"mine": 1}'


def test_diff_tells_all_and_judges_nothing(sweep):
    result = call("diff", sweep("old"), sweep("new", 9.0, commit="decaf"))
    assert result.exit_code == 0
    assert result.output.splitlines()[0] == "4c mini panoptic: commit c0ffee -> decaf"
    assert len(re.findall(r"^regressed  4c \S+", result.output, re.MULTILINE)) == 2
    assert "processor" not in result.output


def test_diff_of_single_seeds_shows_what_cannot_be_tested(tmp_path):
    for name, value in (("old", 48.0), ("new", 40.0)):
        write_baseline_file(tmp_path / name, BaselineFile(Evidence({(MASKED, "PQ"): {0: value}})))
    result = call("diff", tmp_path / "old", tmp_path / "new")
    assert result.exit_code == 0
    assert "untested   4c masked attention (panoptic, mini), PQ: 48 -> 40" in result.output
    assert call("check", "--store", tmp_path / "new", "--baseline", tmp_path / "old").exit_code == 2
