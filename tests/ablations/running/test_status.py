import io
from dataclasses import replace

import pytest
from rich.console import Console

from ablations.running.status import run_states, shortest_names, show_failed, show_status
from ablations.store.record_writing import write_failed
from ablations.store.run_record import RunRecord
from ablations.store.runs import run_directory, write_sweep
from m2f.errors import InputError

pytestmark = pytest.mark.usefixtures("fake_training")


def test_status_tells_each_run(sweep, plan, store, console):
    sweep(plan(seeds=[0]))
    cells = plan(seeds=[0, 1])
    write_sweep(store, cells)
    write_failed(run_directory(store, cells[0].run.name), "the loss became nan", "error")
    runs = run_states(store)
    assert [run["state"] for run in runs] == ["failed", "done", "planned", "planned"]
    assert runs[0]["rows"] == [{"table": "9z", "variant": "plain"}]
    assert runs[0]["reason"] == "the loss became nan"
    assert (runs[1]["iteration"], runs[1]["iterations"]) == (3, 10)
    assert (runs[3]["seed"], runs[3]["task"], runs[3]["scale"]) == (1, "panoptic", "smoke")
    console.file.truncate(console.file.seek(0))
    show_status(runs, console)
    lines = console.file.getvalue().splitlines()
    assert lines[:2] == ["All: task panoptic, scale smoke", "run       row        seed  state"]
    assert lines[2].startswith(f"{cells[0].run.name[:8]}  9z plain      0  failed the loss became nan; ")
    assert lines[5] == f"{cells[3].run.name[:8]}  9z masked     1  planned"
    assert lines[-1] == "4 runs: 1 done, 0 running, 1 failed, 0 interrupted, 2 planned"


def test_a_run_of_several_rows_fits_a_narrow_terminal(plan, store, study):
    other = replace(study, table="9y")
    write_sweep(store, plan(seeds=[0, 1], studies=(study, other)))
    runs = run_states(store, ["9z"])
    assert [run["rows"] for run in runs] == [[{"table": "9z", "variant": name}] for name in ("plain", "masked")] * 2
    runs = run_states(store)
    runs[0] |= {"rows": [{"table": "9z", "variant": "a name of many words"}, *runs[0]["rows"]], "state": "running"}
    runs[0] |= {"phase": "train", "iteration": 123, "iterations": 2000, "loss": 5.5, "eta_seconds": 70}
    narrow = Console(file=io.StringIO(), width=60)
    show_status(runs, narrow)
    lines = narrow.file.getvalue().splitlines()
    assert max(map(len, lines[:-1])) <= 60
    assert lines[2].startswith(f"{runs[0]['run'][:8]}  9z a name of ma… (+2)     0  running train 123/20")
    with pytest.raises(InputError, match="Unknown table '9x'; known: 9z, 9y"):
        run_states(store, ["9x"])


def test_failed_runs_are_told_with_their_whole_reason_and_log(plan, store, run_directories):
    directory = run_directories()[0]
    write_sweep(store, plan())
    reason = "the loss became nan " * 10 + "at last"
    write_failed(directory, reason, "error")
    RunRecord(directory).log.write_text("")
    narrow = Console(file=io.StringIO(), width=60)
    show_failed([run for run in run_states(store) if run["state"] == "failed"], store, narrow)
    text = narrow.file.getvalue()
    assert " ".join(text.split()) == (
        f"{directory.name} panoptic, scale smoke, seed 0: 9z plain {reason} log: {RunRecord(directory).log} 1 failed"
    )


def test_names_are_as_long_as_they_must_be_to_be_told_apart():
    assert shortest_names([]) == shortest_names(["a" * 16, "b" * 16, "a" * 16]) == 8
    assert shortest_names(["a" * 16, "a" * 10 + "b" * 6]) == 11
