import pytest

from ablations.gate.baseline_file import BaselineFile, Evidence, TableRow, write_baseline_file
from ablations.store.record_writing import write_done
from ablations.store.runs import create_run, open_store, write_sweep

MASKED = TableRow("4c", "mini", "panoptic", "masked attention")
SMCA = MASKED._replace(variant="SMCA")
VALUES = {0: 48.5, 1: 47.2, 2: 49.3, 3: 48.1, 4: 47.9}


@pytest.fixture
def evidence_file(tmp_path):
    """Write evidence to a file; ``lower`` is taken from all values, which are other seeds'."""

    def write(name, lower=0.0, rows=(MASKED, SMCA), commit="c0ffee"):
        values = {seed + (5 if lower else 0): value - lower for seed, value in VALUES.items()}
        sources = {MASKED.block: {"commit": commit, "processor": "A processor"}}
        evidence = Evidence({(row, "PQ"): values for row in rows}, {row: {"params": 1.5} for row in rows}, {}, sources)
        write_baseline_file(tmp_path / name, BaselineFile(evidence))
        return tmp_path / name

    return write


@pytest.fixture
def stores(plan, tmp_path):
    """Two stores with a seed each, and one whose numbers contradict the first; one run of the second is not done."""

    def make(name, seed, value):
        store, cells = open_store(tmp_path / name), plan(seeds=(seed,))
        write_sweep(store, cells)
        for cell in cells:
            directory = create_run(store, cell.run, tmp_path)
            if (name, cell.variant) != ("second", "plain"):
                write_done(directory, {"PQ": value})
        return store

    return make("first", 0, 40.0), make("second", 1, 41.0), make("other", 0, 42.0)
