import pytest

from ablations.planning.scales import CONFIGS, SCALES, TASKS, Scale, chosen_scale
from m2f.errors import InputError


@pytest.mark.parametrize("name", SCALES)
def test_a_scale_of_m2fs_own_has_a_config_of_every_task(name):
    scale = chosen_scale(name.upper())
    assert scale == Scale(name, CONFIGS / name, name)
    assert scale.tasks == list(TASKS)


def test_a_directory_is_a_scale_of_the_tasks_that_it_has(tmp_path):
    for name in ("semantic.py", "panoptic.py", "notes.py"):
        (tmp_path / name).write_text("")
    (tmp_path / "link").symlink_to(tmp_path)
    scale = chosen_scale(f"{tmp_path}/link/")
    assert (scale.name, scale.directory, scale.word) == (tmp_path.name, tmp_path, f"{tmp_path}/link")
    assert scale.tasks == ["panoptic", "semantic"]


def test_the_names_of_m2fs_own_win_over_directories(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mini").mkdir()
    assert chosen_scale("mini").directory == CONFIGS / "mini"
    (tmp_path / "mini" / "panoptic.py").write_text("")
    with pytest.raises(InputError, match=r"The directory mini has the name of m2f's own scale 'mini'.*another name"):
        chosen_scale("mini/")


def test_what_is_no_scale_is_bad_input(tmp_path):
    with pytest.raises(
        InputError, match=r"^Unknown scale 'papr' \(did you mean 'paper'\?\); known: smoke, mini, lite, paper"
    ):
        chosen_scale("papr")
    with pytest.raises(InputError, match=r"is no scale: it holds none of panoptic\.py, instance\.py, semantic\.py"):
        chosen_scale(str(tmp_path))
