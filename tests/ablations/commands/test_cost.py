import json

import pytest

from ablations.costs import counted as costs
from m2f.cost.memory import training_memory
from m2f.cost.training_flops import training_flops


def test_rows_for_people_and_for_programs(call, monkeypatch):
    monkeypatch.setattr(costs, "config_costs", lambda *_, **__: {"params": 44.04, "flops": 300.0, "flops_ours": 214.6})
    text = call("cost", "4c").output
    assert "outside" in text and "214.6" in text and "226" in text
    records = json.loads(call("cost", "4c", "--json").output)
    assert len(records) == 4 * 3
    assert records[0]["variant"] == "cross-attention"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["cost", "4c", "--model", "configs/mini/panoptic.py"], "not both"),
        (["cost", "--measure"], "name the tables"),
        (["cost", "--model", "nowhere.py"], "There is no config nowhere.py"),
        (["cost", "4z"], "Unknown table '4z'"),
    ],
)
def test_bad_input_is_one_sentence(complain, arguments, sentence):
    assert sentence in complain(*arguments)


def test_a_config_file_has_its_own_costs(call, monkeypatch):
    monkeypatch.setattr("m2f.cost.memory.training_memory", lambda model: training_memory(model, (64, 64), targets=3))
    monkeypatch.setattr("m2f.cost.training_flops.training_flops", lambda model: training_flops(model, (64, 64), 3))
    result = call("cost", "--model", "configs/mini/panoptic.py", "--json")
    values = {record["metric"]: record["value"] for record in json.loads(result.output)}
    assert values["params"] < 2
    assert values["flops_ours"] < values["flops"] < 1
    assert 0 < values["training_flops_ours"] < values["training_flops"]


@pytest.mark.usefixtures("timings")
def test_measured_times_and_ratios(call):
    given = call("cost", "4c", "--measure")
    assert given.stderr == "timing 4 models\n"
    text = given.stdout
    assert "1.00 (1.00-1.50)" in text
    assert "0.25" in text  # cross-attention, of masked attention's four seconds
    records = json.loads(call("cost", "4c", "--measure", "--json").stdout)
    assert len(records) == 8
