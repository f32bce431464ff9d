import pytest
from click.testing import CliRunner

from ablations.cli import main
from ablations.gate.baseline_file import BaselineFile, Evidence, TableRow, write_baseline_file

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
