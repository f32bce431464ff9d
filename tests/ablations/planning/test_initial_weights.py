"""Weights to begin from, told apart by what they are."""

import errno

import pytest

from ablations.planning.initial_weights import weights_fingerprint
from m2f.errors import InputError


def written(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_file_that_was_replaced_is_another_run(plan, study, evaluated_study, configs, tmp_path):
    """Or its numbers would be those of the earlier one; evaluations are of the training."""
    path = tmp_path / "model.pth"
    with (configs / "smoke" / "panoptic.py").open("a") as file:
        file.write(f"load_from = {str(path)!r}\n")

    def names(content):
        written(path, content)
        return [cell.run.name for cell in plan(studies=[study, evaluated_study])]

    first, other, again = names(b"first"), names(b"the other"), names(b"first")
    assert not set(first) & set(other) and first == again
    assert len(set(first)) == 3


def test_what_names_no_file_here_has_none(tmp_path):
    for place in (None, 5, "https://example.org/model.pth", "open-mmlab://model", str(tmp_path / "none.pth")):
        assert weights_fingerprint({"load_from": place}, tmp_path) is None
    assert weights_fingerprint({}, tmp_path) is None


def test_a_path_is_that_of_the_training(tmp_path, monkeypatch):
    known = weights_fingerprint({"load_from": str(written(tmp_path / "a.pth", b"weights"))}, tmp_path)
    written(tmp_path / "elsewhere" / "b.pth", b"weights")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for place in ("a.pth", "~/a.pth", "data/b.pth"):
        assert weights_fingerprint({"load_from": place}, tmp_path / "elsewhere") == known


def test_a_directory_is_what_is_read_of_it(tmp_path):
    config = {"load_from": str(tmp_path / "model")}
    tensors = written(tmp_path / "model" / "model.safetensors", b"tensors")
    written(tmp_path / "model" / "config.json", b"{}")
    known = weights_fingerprint(config, tmp_path)
    written(tmp_path / "model" / "README.md", b"words")
    (tmp_path / "model" / "more").mkdir()
    assert weights_fingerprint(config, tmp_path) == known
    tensors.write_bytes(b"other tensors")
    assert weights_fingerprint(config, tmp_path) != known


def test_a_file_that_may_not_be_read_is_told(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("ablations.planning.initial_weights.sha256", refuse)
    path = written(tmp_path / "model.pth", b"weights")
    with pytest.raises(InputError, match=r"load_from names .*model\.pth, which cannot be read \(Permission denied\)"):
        weights_fingerprint({"load_from": str(path)}, tmp_path)
