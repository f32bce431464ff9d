import pytest
import torch

from m2f.checkpoints.trained_as import KEY, read_trained_as, write_trained_as
from m2f.errors import InputError

CONTENT = {
    "task": "semantic",
    "dataset_name": "parts",
    "model": {"type": "m2f.Mask2Former"},
    "pipeline": [{"type": "m2f.Resize", "scale": (64, 64)}],
    "classes": ["bolt", "nut"],
    "category_ids": [3, 5],
}


@pytest.fixture
def checkpoint(tmp_path):
    """A file whose meta says something of its model."""

    def make(**meta):
        torch.save({"meta": meta, "state_dict": {"weight": torch.zeros(1)}}, tmp_path / "model.pth")
        return tmp_path / "model.pth"

    return make


def test_what_is_written_is_read(checkpoint):
    meta = {}
    write_trained_as(meta, CONTENT)
    assert read_trained_as(checkpoint(**meta)) == CONTENT, "tuples, which some transforms ask for, stay tuples"


def test_others_say_nothing(checkpoint):
    assert read_trained_as(checkpoint(epoch=1)) is None


@pytest.mark.parametrize(
    "text", ["{", "m2f = []", "n = {}", f"m2f = { ({**CONTENT, 'classes': [1]})!r}", 3, "[" * 100000, "m2f = print(1)"]
)
def test_damage_is_told(checkpoint, text):
    with pytest.raises(InputError, match=r"model\.pth says of its model is damaged .*--config"):
        read_trained_as(checkpoint(**{KEY: text}))


@pytest.mark.parametrize("name", ["subprocess.call", "os.system", "builtins.eval"])
def test_nothing_that_it_names_is_run(checkpoint, name):
    content = {**CONTENT, "model": {"type": name, "args": ["touch", "ran"]}}
    with pytest.raises(InputError, match=f"'model.type' is '{name}', which is not registered"):
        read_trained_as(checkpoint(**{KEY: f"m2f = {content!r}"}))
