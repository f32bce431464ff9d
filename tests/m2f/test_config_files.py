import pytest

from m2f.config_files import of_a_run, read_config, read_values
from m2f.errors import InputError

CODE = "from pathlib import Path\nPath('executed').touch()\nseed = 3\n"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def config_at(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_persons_config_is_code_with_bases(place):
    config_at(place / "base.py", "model = dict(layers=3 * 3, queries=100)\n")
    path = config_at(place / "mine.py", "_base_ = ['base.py']\nmodel = dict(queries=7)\n")
    assert read_config(path).to_dict() == {"model": {"layers": 9, "queries": 7}}


@pytest.mark.parametrize(
    ("beside", "config"),
    [
        ("anywhere/run.json", "anywhere/config.py"),
        ("store/sweeps/one.json", "store/runs/0123/config.py"),
        ("store/sweeps/one.json", "store/reruns/0123/1/config.py"),
    ],
)
def test_a_config_of_a_run_is_values_alone(place, beside, config):
    config_at(place / beside, "{}")
    path = config_at(place / config, "model = {'sizes': (1, 2)}\nseed = 3\n")
    assert of_a_run(path)
    assert read_config(path).model.sizes == (1, 2)
    path.write_text(CODE)
    with pytest.raises(InputError, match=r"config.py cannot be read as a run's config; remove its run directory"):
        read_config(path)
    assert not (place / "executed").exists()


def test_a_config_elsewhere_is_of_no_run(place):
    path = config_at(place / "mine" / "config.py", CODE)
    assert not of_a_run(path)
    assert read_config(path).seed == 3
    assert (place / "executed").exists()


def test_what_is_no_config_is_bad_input(place):
    with pytest.raises(InputError, match=r"There is no config nowhere\.py; name one as in configs/"):
        read_config((place / "nowhere.py").relative_to(place))
    path = config_at(place / "mine.py", "model = dict(\n")
    with pytest.raises(InputError, match=r"mine.py cannot be read as a config, SyntaxError: .*; mend it\.$"):
        read_config(path)
    path.write_text("raise SystemError('no\\nyes')\n")
    with pytest.raises(InputError, match=r"SystemError: no; mend it\.$"):
        read_config(path)


@pytest.mark.parametrize(
    "text", ["a = 1 +", "a = open('x')", "a.b = 1", "a, b = 1, 2", "1", "a = " + 9999 * "(", "a = {[]: 1}", "import os"]
)
def test_values_are_nothing_else(place, text):
    with pytest.raises(InputError, match=r"config.py cannot be read as a run's config"):
        read_values(config_at(place / "config.py", text))


def test_our_configs_are_named_as_those_of_openmmlabs_packages_are(tmp_path):
    (tmp_path / "own.py").write_text('_base_ = "m2f::mini/panoptic.py"\nmodel = dict(num_things=2)\n')
    config = read_config(tmp_path / "own.py")
    assert (config.model.num_things, config.model.num_stuff, config.task) == (2, 4, "panoptic")
    assert "_scope_" not in str(config.to_dict())
