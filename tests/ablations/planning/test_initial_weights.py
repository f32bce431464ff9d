"""Weights to begin from, told apart by what they are."""

import errno
from pathlib import Path

import pytest

from ablations.planning.initial_weights import weights_fingerprints
from ablations.planning.plan import digest
from m2f.errors import InputError


def written(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def names_with(plan, study, evaluated_study, configs, tmp_path):
    """The names of runs whose config has a line, with a file of some content at the path that stands in it."""
    base = (configs / "smoke" / "panoptic.py").read_text()

    def names(line, content):
        path = written(tmp_path / "model.pth", content)
        (configs / "smoke" / "panoptic.py").write_text(base + line.replace("PATH", repr(str(path))) + "\n")
        return [cell.run.name for cell in plan(studies=[study, evaluated_study])]

    return names


@pytest.mark.parametrize(
    "line",
    [
        "load_from = PATH",
        "model['backbone'] = dict(init_cfg=dict(type='Pretrained', checkpoint=PATH))",
        "model['backbone'] = dict(init_cfg=[dict(type='Kaiming'), dict(type='mmengine.Pretrained', checkpoint=PATH)])",
        "model['backbone'] = dict(pretrained=PATH)",
        "model['init_cfg'] = dict(type='Pretrained', checkpoint=PATH, prefix='model.')",
    ],
)
def test_a_file_that_was_replaced_is_another_run(names_with, line):
    """Or its numbers would be those of the earlier one; evaluations are of the training."""
    first, other, again = (names_with(line, content) for content in (b"first", b"the other", b"first"))
    assert not set(first) & set(other) and first == again
    assert len(set(first)) == 3


def test_weights_of_several_places_are_told_apart(tmp_path):
    one, two = (str(written(tmp_path / name, name.encode())) for name in ("a.pth", "b.pth"))
    model = {"backbone": {"init_cfg": {"type": "Pretrained", "checkpoint": two}}}
    known = weights_fingerprints({"load_from": one, "model": model}, tmp_path)
    assert [*known] == ["model.backbone.init_cfg.checkpoint", "load_from"]
    assert len(set(known.values())) == 2


def test_what_names_no_file_here_has_none(tmp_path):
    for place in (None, 5, "", "https://example.org/model.pth", "torchvision://resnet50", str(tmp_path / "none.pth")):
        backbone = {"init_cfg": {"type": "Pretrained", "checkpoint": place}, "pretrained": place}
        assert weights_fingerprints({"load_from": place, "model": {"backbone": backbone}}, tmp_path) == {}
    assert weights_fingerprints({}, tmp_path) == {}


def test_a_run_of_weights_at_an_address_keeps_its_name():
    """The paper's backbones are at addresses, and runs have been named by these alone."""
    model = {"backbone": {"init_cfg": {"type": "Pretrained", "checkpoint": "https://example.org/resnet50.pth"}}}
    config = {"task": "panoptic", "seed": 0, "model": model}
    assert digest(config, "data", weights=weights_fingerprints(config, Path())) == digest(config, "data")


def test_a_path_is_that_of_the_training(tmp_path, monkeypatch):
    known = weights_fingerprints({"load_from": str(written(tmp_path / "a.pth", b"weights"))}, tmp_path)
    written(tmp_path / "elsewhere" / "b.pth", b"weights")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for place in ("a.pth", "~/a.pth", "data/b.pth"):
        assert weights_fingerprints({"load_from": place}, tmp_path / "elsewhere") == known


def test_a_directory_is_what_is_read_of_it(tmp_path):
    config = {"load_from": str(tmp_path / "model")}
    tensors = written(tmp_path / "model" / "model.safetensors", b"tensors")
    written(tmp_path / "model" / "config.json", b"{}")
    known = weights_fingerprints(config, tmp_path)
    written(tmp_path / "model" / "README.md", b"words")
    (tmp_path / "model" / "more").mkdir()
    assert weights_fingerprints(config, tmp_path) == known
    tensors.write_bytes(b"other tensors")
    assert weights_fingerprints(config, tmp_path) != known


def test_a_file_that_may_not_be_read_is_told(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("ablations.planning.initial_weights.sha256", refuse)
    path = written(tmp_path / "model.pth", b"weights")
    sentence = r"model\.backbone\.pretrained names .*model\.pth, which cannot be read \(Permission denied\)"
    with pytest.raises(InputError, match=sentence):
        weights_fingerprints({"model": {"backbone": {"pretrained": str(path)}}}, tmp_path)
