import pytest

from ablations.running.status import run_states, show_status
from ablations.store.run_record import write_failed
from ablations.store.runs import run_directory, write_sweep

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
    show_status(store, console)
    lines = console.file.getvalue().splitlines()
    assert lines[-1] == "4 runs: 1 done, 0 running, 1 failed, 0 interrupted, 2 planned"
    assert [cells[0].run.name in line and "the loss became nan" in line for line in lines].count(True) == 1
