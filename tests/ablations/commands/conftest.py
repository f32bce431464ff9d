import pytest

from ablations.gate.baseline_file import BaselineFile, Evidence, TableRow, write_baseline_file

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
