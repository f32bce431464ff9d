import json

from ablations.store.record_writing import write_done
from ablations.store.runs import open_store, write_sweep


def test_status_as_json(call, tmp_path, plan, run_directories):
    write_sweep(open_store(tmp_path / "store"), plan())
    write_done(run_directories()[0], {"PQ": 51.9})
    result = call("status", "--store", tmp_path / "store", "--json")
    assert result.exit_code == 0
    assert [run["state"] for run in json.loads(result.output)] == ["done", "planned"]
    assert call("status", "--store", tmp_path / "store", "--failed").output == "0 failed\n"
    assert (
        "1 done, 0 running, 0 failed, 0 interrupted, 1 planned" in call("status", "--store", tmp_path / "store").output
    )
