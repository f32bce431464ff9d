import pytest

from ablations.running.rerun import Repetition


@pytest.mark.parametrize(("value", "code"), [(40.0, 0), (40.0000001, 1)])
def test_exit_codes(call, monkeypatch, tmp_path, value, code):
    repetition = Repetition(tmp_path, {"PQ": (40.0, value)}, {})
    monkeypatch.setattr("ablations.running.rerun.rerun", lambda *_: repetition)
    assert call("rerun", "c0ffee", "--store", tmp_path).exit_code == code
