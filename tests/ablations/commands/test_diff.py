import re

from ablations.gate.baseline_file import BaselineFile, Evidence, TableRow, write_baseline_file

MASKED = TableRow("4c", "mini", "panoptic", "masked attention")


def test_diff_tells_all_and_judges_nothing(call, evidence_file):
    result = call("diff", evidence_file("old"), evidence_file("new", 9.0, commit="decaf"))
    assert result.exit_code == 0
    assert result.output.splitlines()[0] == "4c mini panoptic: commit c0ffee -> decaf"
    assert len(re.findall(r"^regressed  4c \S+", result.output, re.MULTILINE)) == 2
    assert "processor" not in result.output


def test_diff_of_single_seeds_shows_what_cannot_be_tested(call, tmp_path):
    for name, value in (("old", 48.0), ("new", 40.0)):
        write_baseline_file(tmp_path / name, BaselineFile(Evidence({(MASKED, "PQ"): {0: value}})))
    result = call("diff", tmp_path / "old", tmp_path / "new")
    assert result.exit_code == 0
    assert "untested   4c masked attention (panoptic, mini), PQ: 48 -> 40" in result.output
    assert call("check", "--store", tmp_path / "new", "--baseline", tmp_path / "old").exit_code == 2


def test_what_is_not_there_is_bad_input(complain, evidence_file, tmp_path):
    assert "There is nothing at" in complain("diff", evidence_file("new"), tmp_path / "none")
