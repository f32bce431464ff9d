"""What the cases must notice, they notice."""

import numpy as np
import pytest
from behaviour import MisconductError, call, only_sentence, untouched
from cases import fault

from m2f.metrics import InstanceAP, PanopticQuality


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    return tmp_path_factory.mktemp("trees")


def raising(error):
    def states(*_):
        raise error

    return states


def test_a_traceback_is_misconduct(monkeypatch, tmp_path):
    monkeypatch.setattr("ablations.running.status.run_states", raising(KeyError("run")))
    with pytest.raises(MisconductError, match="ended in a traceback"):
        call(tmp_path, "status")


def test_another_exit_code_is_misconduct(tmp_path):
    assert call(tmp_path, "status").error.startswith("There is no store at runs")
    with pytest.raises(MisconductError, match="ended with 2"):
        call(tmp_path, "status", codes=[0])


@pytest.mark.parametrize(
    "stderr",
    [
        "",
        "Error: short\n",
        "Error: The store is\nnot there.\n",
        "Error: It is\x1b[31m red here.\n",
        "Error: No end of a line",
    ],
)
def test_no_sentence(stderr):
    with pytest.raises(MisconductError):
        only_sentence("m2f", stderr)


@pytest.mark.parametrize(
    "change",
    [lambda path: path.unlink(), lambda path: path.write_text("b"), lambda path: path.rename(path.with_name("c"))],
)
def test_a_changed_file_is_misconduct(tmp_path, change):
    (tmp_path / "out").mkdir()
    (tmp_path / "file").write_text("a")
    with untouched(tmp_path, but=tmp_path / "out"):
        (tmp_path / "out" / "b").write_text("may be here")
    with pytest.raises(MisconductError, match="changed, made or removed"), untouched(tmp_path, but=tmp_path / "out"):
        change(tmp_path / "file")


def test_a_wrong_number_is_misconduct(monkeypatch, trees):
    """Of some damaged data sets that m2f takes, PQ and AP are compared."""
    assert not any(fault("data", seed, trees) for seed in range(12))
    with monkeypatch.context() as patched:
        patched.setattr(PanopticQuality, "match", lambda self, *_: np.zeros((4, len(self.truth.categories))))
        assert any("panopticapi" in fault("data", seed, trees) for seed in range(12))
    with monkeypatch.context() as patched:
        patched.setattr(InstanceAP, "compute_metrics", lambda *_: {"AP": 50.0})
        assert any("pycocotools" in fault("data", seed, trees) for seed in range(12))
