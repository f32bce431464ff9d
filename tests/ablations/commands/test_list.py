import csv
import json

from ablations.paper import RESULTS_CSV

MAIN = ("1", "2", "3", "6", "7", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")


def rows_of(table, rows):
    return {(row["variant"], row["method"], row["backbone"]) for row in rows if row["table"] == table}


def test_list_holds_the_papers_rows(call):
    """All of Mask2Former and MaskFormer in these tables, by the same names; in nearly all, nothing else."""
    rows = json.loads(call("list", "--json").output)
    with RESULTS_CSV.open() as file:
        paper = [row for row in csv.DictReader(file) if row["method"] in ("Mask2Former", "MaskFormer")]
    tables = ("4a", "4b", "4c", "4d", "4e", "5", "XIa", "XIb", "XIIc", "XIId", "Ib", *MAIN)
    assert {row["table"] for row in paper} == set(tables)
    for table in tables:
        assert rows_of(table, paper) == rows_of(table, rows), table


def test_list_as_json_tells_what_a_row_is(call):
    rows = {(row["table"], row["variant"]): row for row in json.loads(call("list", "--json").output)}
    queries, longer = rows["XIa", "50 queries"], rows["figIV", "100 epochs, LSJ"]
    assert queries.pop("reason").endswith(".")
    assert queries.pop("note").endswith(".")
    assert queries == {
        "table": "XIa",
        "variant": "50 queries",
        "method": "Mask2Former",
        "backbone": "R50",
        "dataset": "",
        "tasks": ["panoptic", "instance", "semantic"],
        "overrides": {"model.transformer_decoder.queries.num_queries": {"times": 0.5}},
        "provenance": "exact",
        "submission": "",
    }
    assert longer["overrides"]["train_cfg"] == {"setting": "schedules.100_epochs.train_cfg"}


def test_list_of_one_table_keeps_to_the_terminal(call, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    lines = call("list", "4d").output.splitlines()
    assert {line.split()[0] for line in lines if not line.startswith(" ")} == {"4d"}
    assert max(map(len, lines)) <= 60
    assert {row["table"] for row in json.loads(call("list", "4d", "4c", "--json").output)} == {"4c", "4d"}


def test_list_for_people(call):
    lines = call("list").output.splitlines()
    start = lines.index("4c  Cross-attention (panoptic, instance, semantic)")
    assert lines[start + 1 : start + 4] == [
        "    cross-attention (Mask2Former, R50) [exact]",
        "        Equation (1): masked attention without its mask.",
        "        model.transformer_decoder.cross_attention.type = 'CrossAttention'",
    ]
    assert "    masked attention (Mask2Former, R50) [exact, baseline]" in lines
    assert "    MaskFormer training params (MaskFormer, R50) [inferred, baseline]" in lines
    assert "        model.transformer_decoder.queries.num_queries = Times(factor=0.5, multiple_of=1)" in lines


def test_list_of_checkpoints(call):
    (row,) = [row for row in json.loads(call("list", "--checkpoints", "IX", "--json").output) if row["md5"] == "132c71"]
    assert row["file"] == "model_final_132c71.pkl"
    assert row["row"] == "Mask2Former, Swin-L-22k" and row["task"] == "panoptic"
    lines = call("list", "--checkpoints", "IX").output.splitlines()
    assert "model_final_f3fc73.pkl  IX MaskFormer, R50, semantic" in lines
    assert lines[lines.index("model_final_f3fc73.pkl  IX MaskFormer, R50, semantic") + 1].strip().startswith("https://")
