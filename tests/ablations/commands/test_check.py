import json
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from ablations.cli import main
from ablations.gate.baseline_file import BaselineFile, Evidence, TableRow, read_baseline_file, write_baseline_file

MASKED = TableRow("4c", "mini", "panoptic", "masked attention")  # of the evidence


@pytest.mark.parametrize(("lower", "code"), [(0.0, 0), (1.0, 0), (9.0, 1), (-9.0, 0)])
def test_exit_codes(call, evidence_file, lower, code):
    result = call("check", "--store", evidence_file("new", lower), "--baseline", evidence_file("old"))
    assert result.exit_code == code, result.output
    assert result.output.count("regressed ") == 2 * code


def test_missing_rows_fail_unless_allowed(call, evidence_file):
    arguments = ["check", "--store", evidence_file("new", rows=[MASKED]), "--baseline", evidence_file("old")]
    result = call(*arguments)
    assert (result.exit_code, "missing    4c SMCA (panoptic, mini): PQ, params" in result.output) == (1, True)
    assert call(*arguments, "--allow-missing").exit_code == 0


def test_files_for_programs(call, evidence_file, tmp_path):
    junit, findings = tmp_path / "check.xml", tmp_path / "check.json"
    arguments = ["--junit", junit, "--json", findings]
    assert (
        call("check", "--store", evidence_file("new", 9.0), "--baseline", evidence_file("old"), *arguments).exit_code
        == 1
    )
    assert json.loads(findings.read_text())["passed"] is False
    assert ElementTree.parse(junit).getroot().get("failures") == "2"


def test_bad_input(complain, evidence_file, tmp_path):
    new = evidence_file("new")
    for arguments, complaint in (
        (["check", "--store", new, "--baseline", tmp_path / "none"], "--update"),
        (["check", "--store", tmp_path / "none", "--baseline", new], "There is nothing at"),
        (
            ["check", "--store", new, "--baseline", evidence_file("other", rows=[MASKED._replace(table="4e")])],
            "no row in common",
        ),
        (["check", "--store", new, "--baseline", tmp_path / "b", "--update", "--allow-missing"], "--allow-missing"),
    ):
        assert complaint in complain(*arguments)


def test_update_makes_a_baseline_and_takes_a_sweep_into_it(call, evidence_file, tmp_path):
    baseline, first = tmp_path / "baseline.json", evidence_file("first")
    assert call("check", "--store", first, "--baseline", baseline, "--update").exit_code == 0
    assert read_baseline_file(baseline).evidence.metrics == read_baseline_file(first).evidence.metrics
    assert read_baseline_file(baseline).evidence.metrics[MASKED, "PQ"][0] == 48.5
    baseline.write_text(baseline.read_text().replace('"tolerances": {}', '"tolerances": {"SQ": 2.0}'))
    result = call("check", "--store", evidence_file("second", 9.0), "--baseline", baseline, "--update")
    assert result.exit_code == 0
    assert "regressed " in result.output
    taken = read_baseline_file(baseline)
    assert taken.evidence.metrics[MASKED, "PQ"][5] == pytest.approx(39.5)
    assert taken.tolerances == {"SQ": 2.0}
    assert call("check", "--store", tmp_path / "second", "--baseline", baseline).exit_code == 0


def test_update_writes_over_nothing_else(call, evidence_file, tmp_path):
    other = tmp_path / "notes.json"
    other.write_text('{"mine": 1}')
    assert call("check", "--store", evidence_file("new"), "--baseline", other, "--update").exit_code == 2
    assert other.read_text() == '{"mine": 1}'


ROW = TableRow("4c", "mini", "panoptic", "SMCA")


@pytest.fixture
def baseline(tmp_path):
    path = tmp_path / "b.json"
    write_baseline_file(path, BaselineFile(Evidence({(ROW, "PQ"): {0: 40.0, 1: 41.0}})))
    return path


def check(*arguments):
    return CliRunner().invoke(main, ["check", *map(str, arguments)])


@pytest.mark.parametrize("option", ["--json", "--junit"])
def test_an_output_that_is_an_input_is_refused(baseline, tmp_path, option):
    before = baseline.read_bytes()
    link = tmp_path / "link.json"
    link.symlink_to(baseline)
    for output in (baseline, link, tmp_path / "store" / "x.json"):
        (tmp_path / "store").mkdir(exist_ok=True)
        result = check("--store", tmp_path / "store", "--baseline", baseline, option, output)
        assert result.exit_code == 2
        assert "would be written over" in result.output
    assert baseline.read_bytes() == before


def test_two_outputs_in_one_place_are_refused(baseline, tmp_path):
    result = check("--store", baseline, "--baseline", baseline, "--json", tmp_path / "x", "--junit", tmp_path / "x")
    assert result.exit_code == 2 and "would be written over" in result.output
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("option", ["--json", "--junit"])
def test_a_place_that_cannot_be_written_is_told_before_the_work(baseline, tmp_path, option):
    result = check("--store", "nowhere", "--baseline", baseline, option, tmp_path / "missing" / "x")
    assert result.exit_code == 2 and "cannot be written (No such file or directory)" in result.output


def test_an_update_into_a_missing_directory(baseline, tmp_path):
    result = check("--update", "--store", baseline, "--baseline", tmp_path / "missing" / "x.json")
    assert result.exit_code == 2 and "cannot be written" in result.output


DAMAGE = [
    ("40.0", "null"),
    ("40.0", '"40"'),
    ("40.0", "1e999"),
    ("40.0", "1e308"),
    ("40.0", "NaN"),
    ("40.0", "true"),
    ('"PQ"', "5"),
    ('"SMCA"', "null"),
    ('"metrics": [', '"metrics": 7, "x": ['),
    ('{"0"', "[" * 200000 + '{"0"'),
]


@pytest.mark.parametrize(("old", "new"), DAMAGE, ids=[str(place) for place in range(len(DAMAGE))])
def test_a_damaged_baseline_file_is_a_sentence(baseline, old, new):
    text = baseline.read_text()
    assert old in text
    baseline.write_text(text.replace(old, new, 1))
    result = check("--store", baseline, "--baseline", baseline)
    assert result.exit_code == 2, result.output
    assert str(baseline) in result.output and result.output.count("\n") == 1
