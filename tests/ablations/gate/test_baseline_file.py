import json
from dataclasses import replace

import pytest

from ablations.gate.baseline_file import (
    BaselineFile,
    Evidence,
    Speed,
    TableBlock,
    TableRow,
    read_baseline_file,
    write_baseline_file,
)
from m2f.errors import InputError

MASKED = TableRow("4c", "mini", "panoptic", "masked attention")
PLAIN = MASKED._replace(variant="cross-attention")
FPN = TableRow("4e", "mini", "panoptic", "FPN")
EVIDENCE = Evidence(
    metrics={(MASKED, "PQ"): {0: 48.5, 1: 47.25}, (PLAIN, "PQ"): {0: 42.0}, (FPN, "PQ"): {0: 46.0}},
    costs={MASKED: {"params": 1.5, "flops": 0.25}, FPN: {"params": 1.0}},
    speeds={MASKED: Speed(0.31), PLAIN: Speed(0.25, 0.81)},
    sources={MASKED.block: {"commit": "c0ffee", "threads": 1}},
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "baseline.json"


@pytest.fixture
def content(path):
    """A baseline's JSON, to be damaged and written back."""
    write_baseline_file(path, BaselineFile(EVIDENCE, {"PQ": 1.5}, 2.0))
    return json.loads(path.read_text())


def test_what_is_written_is_read(path):
    baseline = BaselineFile(EVIDENCE, {"PQ": 1.5}, 2.0)
    write_baseline_file(path, baseline)
    assert read_baseline_file(path) == baseline


def test_a_baseline_that_leaves_speed_alone_has_no_seconds(path):
    """They would be others at every update."""
    write_baseline_file(path, BaselineFile(EVIDENCE, speed_factor=None))
    assert read_baseline_file(path) == BaselineFile(replace(EVIDENCE, speeds={}), speed_factor=None)


def test_a_line_is_a_row_and_a_metric_in_their_order(path):
    write_baseline_file(path, BaselineFile(EVIDENCE))
    lines = [line.strip(" ,") for line in path.read_text().splitlines() if '"values"' in line]
    assert [json.loads(line)["variant"] for line in lines] == ["cross-attention", "masked attention", "FPN"]
    assert lines[1].endswith('"metric": "PQ", "values": {"0": 48.5, "1": 47.25}}')


def test_a_changed_value_changes_one_line(path):
    write_baseline_file(path, BaselineFile(EVIDENCE))
    before = path.read_text().splitlines()
    metrics = {**EVIDENCE.metrics, (MASKED, "PQ"): {1: 47.25, 0: 49.0}}
    write_baseline_file(path, BaselineFile(replace(EVIDENCE, metrics=dict(reversed(metrics.items())))))
    after = path.read_text().splitlines()
    assert len(before) == len(after)
    assert sum(old != new for old, new in zip(before, after, strict=True)) == 1


def test_update_replaces_the_sweeps_tables_and_keeps_the_rest():
    old = BaselineFile(EVIDENCE, {"PQ": 1.5}, 2.0)
    new = Evidence(metrics={(MASKED, "PQ"): {0: 50.0}}, costs={MASKED: {"params": 9.0}})
    merged = old.updated(new)
    assert merged.evidence.metrics == {(MASKED, "PQ"): {0: 50.0}, (FPN, "PQ"): {0: 46.0}}  # no cross-attention
    assert merged.evidence.costs == {MASKED: {"params": 9.0}, FPN: {"params": 1.0}}
    assert merged.evidence.sources == {}  # of those of the old commit nothing is left
    assert (merged.tolerances, merged.speed_factor) == ({"PQ": 1.5}, 2.0)


def test_update_keeps_the_costs_and_speeds_that_a_results_frame_does_not_tell():
    merged = BaselineFile(EVIDENCE).updated(Evidence(metrics={(MASKED, "PQ"): {0: 50.0}}))
    assert merged.evidence.costs == EVIDENCE.costs
    assert merged.evidence.speeds == {MASKED: Speed(0.31)}
    gone = BaselineFile(EVIDENCE).updated(Evidence(metrics={(PLAIN, "PQ"): {0: 42.0}}))
    assert gone.evidence.costs == {FPN: {"params": 1.0}}


def test_rows_and_blocks_are_those_of_metrics_and_costs():
    assert EVIDENCE.rows == {MASKED, PLAIN, FPN}
    assert EVIDENCE.blocks == {TableBlock("4c", "mini", "panoptic"), TableBlock("4e", "mini", "panoptic")}


def test_a_missing_file_is_bad_input(path):
    with pytest.raises(InputError, match=r"baseline\.json cannot be read"):
        read_baseline_file(path)


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 2}', '{"format": 1, "tolerances": {"PQ": NaN}}'])
def test_another_file_is_bad_input(path, text):
    path.write_text(text)
    with pytest.raises(InputError, match=r"baseline\.json"):
        read_baseline_file(path)


@pytest.mark.parametrize(
    ("key", "entry", "complaint"),
    [
        *(
            ("metrics", {**PLAIN._asdict(), "metric": name, "values": {"0": 1}}, "entry 4 of 'metrics' .* is no name")
            for name in ("\ud800", "\x1b[31m", "two\nlines", "", 1000 * "x", None)
        ),
        ("sources", {"table": "4d", "scale": "mini", "task": "panoptic", "commit": "\ud800"}, "cannot be printed"),
        ("metrics", {"table": "4c"}, "entry 4 of 'metrics' .* it lacks 'scale'"),
        ("metrics", {**PLAIN._asdict(), "metric": "SQ", "values": {}}, "'values' is empty"),
        ("metrics", {**PLAIN._asdict(), "metric": "SQ", "values": {"0": "high"}}, "is no number between"),
        ("metrics", {**PLAIN._asdict(), "metric": "PQ", "values": {"0": 1}}, "it is there twice"),
        ("metrics", "PQ", "entry 4 of 'metrics'"),
        ("costs", {**PLAIN._asdict(), "params": None}, "entry 3 of 'costs'"),
        ("speed", {**FPN._asdict(), "seconds": -1}, "-1 is not above zero"),
        ("speed", {**FPN._asdict(), "seconds": 1, "ratio": None}, "None is no number"),
    ],
)
def test_a_wrong_entry_is_named(path, content, key, entry, complaint):
    content[key].append(entry)
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=complaint):
        read_baseline_file(path)


@pytest.mark.parametrize(("key", "value"), [("tolerances", {"PQ": -1}), ("speed_factor", 0.5), ("speed_factor", "2x")])
def test_a_wrong_limit_is_named(path, content, key, value):
    path.write_text(json.dumps({**content, key: value}))
    with pytest.raises(InputError, match=f"baseline.json.*'{key}'"):
        read_baseline_file(path)
