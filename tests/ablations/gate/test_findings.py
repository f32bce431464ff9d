import json
from xml.etree import ElementTree

import pytest

from ablations.gate.baseline_file import TableRow
from ablations.gate.findings import failures, lines, write_findings, write_junit
from ablations.gate.regression import NO_MACHINE, SPEED, Finding

MASKED = TableRow("4c", "mini", "panoptic", "masked attention")
SMCA = MASKED._replace(variant="SMCA")
FPN = TableRow("4e", "mini", "semantic", "FPN < 2.0 & more")
EQUAL = "the same seeds gave the same values"
WORSE = Finding(
    MASKED, "PQ", "metric", "regressed", (48.5, 47.2), (30.0,), primary=True, chance=1e-6, visible=4.2, reason=""
)
FINDINGS = [
    WORSE,
    Finding(MASKED, "SQ", "metric", "same", (78.0, 77.0), (77.5, 78.0), chance=0.4, visible=3.0),
    Finding(SMCA, "PQ", "metric", "missing", (43.0,), (), primary=True),
    Finding(SMCA, "SQ", "metric", "missing", (77.0,), ()),
    Finding(MASKED, "flops", "cost", "changed", (0.25,), (0.5,)),
    Finding(
        FPN, "mIoU", "metric", "same", (60.0,), (60.0,), primary=True, reason="the same seeds gave the same values"
    ),
    Finding(FPN, "loss_last", "metric", "new", (), (40.0,)),
]


def test_lines_say_what_is_worse_first_and_count_at_the_end():
    whole = [
        "regressed  4c masked attention (panoptic, mini), PQ: 47.85 -> 30 (2 and 1 seeds); "
        "chance 1e-06, 4.2 would show",
        "changed    4c masked attention (panoptic, mini), flops: 0.25 -> 0.5",
        "missing    4c SMCA (panoptic, mini): PQ, SQ",
        "new        4e FPN < 2.0 & more (semantic, mini): loss_last",
        "same       4e FPN < 2.0 & more (semantic, mini), mIoU: 60 -> 60 (1 and 1 seeds); " + EQUAL,
        "7 compared: 1 regressed, 1 changed, 2 missing, 1 new, 2 same",
    ]
    assert list(lines(FINDINGS, verbose=True)) == whole
    assert list(lines(FINDINGS)) == [line for line in whole if not line.startswith("same")]


def test_a_long_list_of_missing_metrics_is_cut():
    missing = [Finding(SMCA, f"PQ{number}", "metric", "missing", (43.0,), ()) for number in range(7)]
    assert next(iter(lines(missing))) == "missing    4c SMCA (panoptic, mini): PQ0, PQ1, PQ2, PQ3 and 3 more"


def test_speeds_that_cannot_be_compared_are_said_once():
    speeds = [Finding(row, SPEED, "speed", "untested", (1.0,), (2.0,), reason=NO_MACHINE) for row in (SMCA, FPN)]
    assert list(lines([*speeds, WORSE]))[1:] == [
        f"untested   seconds per iteration of 2 rows: on one side or both, {NO_MACHINE}",
        "3 compared: 1 regressed, 2 untested",
    ]


@pytest.mark.parametrize(("allow_missing", "count"), [(False, 4), (True, 2)])
def test_failures(allow_missing, count):
    failing = failures(FINDINGS, allow_missing)
    assert len(failing) == count
    assert {finding.verdict for finding in failing} <= {"regressed", "changed", "missing"}


def test_json_holds_every_finding(tmp_path):
    write_findings(tmp_path / "check.json", FINDINGS, passed=False)
    content = json.loads((tmp_path / "check.json").read_text())
    assert (content["passed"], content["error_rate"], len(content["findings"])) == (False, 0.01, 7)
    assert content["findings"][0] == {
        **MASKED._asdict(),
        "name": "PQ",
        "kind": "metric",
        "verdict": "regressed",
        "old": [48.5, 47.2],
        "new": [30.0],
        "difference": pytest.approx(-17.85),
        "primary": True,
        "chance": 1e-6,
        "visible": 4.2,
        "reason": "",
    }


@pytest.fixture
def junit(tmp_path):
    def write(failing):
        write_junit(tmp_path / "check.xml", FINDINGS, failing)
        return ElementTree.parse(tmp_path / "check.xml").getroot()

    return write


def test_junit_has_a_suite_for_each_table_and_a_test_for_each_number(junit):
    root = junit(failures(FINDINGS, allow_missing=False))
    assert root.tag == "testsuites"
    assert {name: root.get(name) for name in ("tests", "failures", "skipped", "errors")} == {
        "tests": "7",
        "failures": "4",
        "skipped": "1",
        "errors": "0",
    }
    assert [(suite.get("name"), suite.get("tests"), suite.get("failures")) for suite in root] == [
        ("4c mini panoptic", "5", "4"),
        ("4e mini semantic", "2", "0"),
    ]
    case = root.find(".//testcase[@name='mIoU']")
    assert case.get("classname") == "4e.mini.semantic.FPN < 2_0 & more"
    assert case.find("failure") is None


def test_junit_says_why(junit):
    root = junit(failures(FINDINGS, allow_missing=True))
    failure = root.find(".//testcase[@classname='4c.mini.panoptic.masked attention'][@name='PQ']/failure")
    assert failure.get("type") == "regressed"
    assert failure.get("message").startswith("regressed: 47.85 -> 30 (2 and 1 seeds)")
    assert len(root.findall(".//testcase/failure")) == 2
    assert len(root.findall(".//testcase/skipped")) == 3
