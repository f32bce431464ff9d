"""Trainings of the smallest scale whose checkpoints were damaged, and what is read of a checkpoint."""

import json
import os
import shutil

import pytest
import torch

from m2f.engine.resume import damage, newest_whole
from m2f.engine.train import train
from m2f.errors import InputError


@pytest.fixture(scope="module")
def unbroken(smoke, tmp_path_factory):
    """The directory of a whole training, with the checkpoints of iterations 2 and 4."""
    directory = tmp_path_factory.mktemp("unbroken")
    train(smoke(), directory)
    return directory


@pytest.fixture
def broken(unbroken, tmp_path):
    """A copy, to be damaged; its process has ended before the metrics were handed on."""
    return shutil.copytree(unbroken, tmp_path / "broken")


def cut_in_half(path):
    os.truncate(path, path.stat().st_size // 2)


def emptied(path):
    os.truncate(path, 0)


def zeroed(path):
    path.write_bytes(bytes(path.stat().st_size))


def lost_page(path):
    """What torch reads without a word: a page of a tensor that never reached the disk."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(bytes(4096))
    torch.load(path, weights_only=False)


def trained_state(directory):
    """Weights and the optimizer's moments at the end."""
    checkpoint = torch.load(directory / "iter_4.pth", weights_only=False)
    moments = checkpoint["optimizer"]["state"]
    return [*checkpoint["state_dict"].values(), *(value for state in moments.values() for value in state.values())]


def equal(first, second):
    pairs = zip(trained_state(first), trained_state(second), strict=True)
    same_history = (first / "history.json").read_text() == (second / "history.json").read_text()
    return same_history and all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize("harm", [cut_in_half, lost_page])
def test_the_one_before_a_damaged_checkpoint_is_gone_on_from(harm, smoke, unbroken, broken, capfd):
    harm(broken / "iter_4.pth")
    metrics = train(smoke(), broken)
    printed = capfd.readouterr().out
    assert f"{broken / 'iter_4.pth'} is damaged" in printed
    assert "Going on from iteration 2" in printed and "resumed epoch: 0, iter: 2" in printed
    assert metrics == json.loads((unbroken / "history.json").read_text())[-1]["metrics"]
    assert equal(broken, unbroken)
    assert (broken / "last_checkpoint").read_text() == str(broken / "iter_4.pth")


def test_without_a_whole_checkpoint_the_training_begins_anew(smoke, unbroken, broken, capfd):
    emptied(broken / "iter_2.pth")
    zeroed(broken / "iter_4.pth")
    train(smoke(), broken)
    printed = capfd.readouterr().out
    assert "has no whole checkpoint; the training begins anew" in printed and "resumed epoch" not in printed
    assert equal(broken, unbroken)


@pytest.mark.parametrize("harm", [cut_in_half, emptied, zeroed, lost_page])
def test_damage_is_seen(harm, unbroken, broken):
    assert damage(unbroken / "iter_4.pth") == ""
    harm(broken / "iter_4.pth")
    assert damage(broken / "iter_4.pth")
    assert newest_whole(broken) == broken / "iter_2.pth"


def test_the_newest_is_that_of_the_last_iteration_whatever_a_lost_note_says(unbroken, tmp_path):
    for name in ("iter_9.pth", "iter_10.pth", "iter_11.pth.partly", "best.pth"):
        shutil.copy(unbroken / "iter_4.pth", tmp_path / name)
    (tmp_path / "last_checkpoint").touch()
    assert newest_whole(tmp_path) == tmp_path / "iter_10.pth"
    assert (tmp_path / "last_checkpoint").read_text() == str(tmp_path / "iter_10.pth")


def test_nothing_to_go_on_from(tmp_path, capfd):
    assert newest_whole(tmp_path / "nowhere") is newest_whole(tmp_path) is None
    assert capfd.readouterr().out == ""


def test_a_config_in_a_checkpoint_is_not_run(smoke, broken, tmp_path, monkeypatch):
    """mmengine would, to see with how many GPUs the training began."""
    path = broken / "iter_4.pth" if (broken / "iter_4.pth").exists() else next(broken.glob("iter_*.pth"))
    checkpoint = torch.load(path, weights_only=False)
    checkpoint["meta"]["config"] = f"import os\nos.mkdir({str(tmp_path / 'ran')!r})\n"
    torch.save(checkpoint, path)
    train(smoke(), broken)
    assert not (tmp_path / "ran").exists()


def test_a_strangers_checkpoint_is_bad_input(smoke, broken):
    torch.save({"weight": torch.zeros(1)}, broken / "iter_4.pth")
    with pytest.raises(InputError, match=r"iter_4.pth cannot be gone on from, 'message_hub'; remove it"):
        train(smoke(), broken)


def test_what_a_checkpoint_brings_is_not_run(smoke, broken, tmp_path):
    class Harmful:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save({"state_dict": {}, "extra": Harmful()}, broken / "iter_4.pth")
    content = (broken / "iter_4.pth").read_bytes()
    with pytest.raises(InputError, match=r"iter_4.pth cannot be gone on from, it names posix.mkdir, which may run any"):
        train(smoke(), broken)
    assert not (tmp_path / "ran").exists()
    assert (broken / "iter_4.pth").read_bytes() == content
