from dataclasses import fields
from pathlib import Path

import pytest

from ablations.running.executors import EXECUTORS
from ablations.running.site_file import SITES, Local, Ray, Slurm, read_site
from m2f.errors import InputError


@pytest.fixture
def write(tmp_path):
    def written(text):
        path = tmp_path / "site.toml"
        path.write_text(text)
        return path

    return written


def test_without_a_file_the_defaults_hold():
    assert {name: read_site(None, name) for name in SITES} == {"local": Local(), "slurm": Slurm(), "ray": Ray()}


def test_each_executor_has_a_table():
    assert SITES.keys() == EXECUTORS.keys()


def test_the_executors_own_table_is_read(write):
    path = write(
        """
        [slurm]
        partition = "gpu"
        gpus_per_run = 8
        hours = 12
        setup = ["module load cuda"]
        environment = {NCCL_DEBUG = "INFO"}
        [local]
        jobs = 3
        gpus_per_run = 0
        """
    )
    slurm = Slurm(
        partition="gpu", gpus_per_run=8, hours=12, setup=["module load cuda"], environment={"NCCL_DEBUG": "INFO"}
    )
    assert read_site(path, "slurm") == slurm
    assert read_site(path, "local") == Local(jobs=3, gpus_per_run=0)
    assert read_site(path, "ray") == Ray()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[slurmm]", r"has 'slurmm' \(did you mean 'slurm'\?\); known are \[local\], \[slurm\], \[ray\]"),
        ("[slurm]\npartion = 'gpu'", r"has 'partion' under \[slurm\] \(did you mean 'partition'\?\); known are jobs, "),
        ("slurm = 3", r"'slurm' in the site file .* must be a table, \[slurm\]"),
        ("[slurm]\npartition = 3", r"'partition' under \[slurm\] in the site file .* must be a string, not 3"),
        ("[slurm]\nhours = 0", "'hours' .* must be a number above 0, not 0"),
        ("[slurm]\nhours = '3'", "'hours' .* must be a number above 0, not '3'"),
        ("[slurm]\nrequeues = -1", "'requeues' .* must be a whole number, at least 0, not -1"),
        ("[ray]\njobs = 0", "'jobs' .* must be a whole number above 0, not 0"),
        ("[ray]\njobs = true", "'jobs' .* must be a whole number above 0, not True"),
        ("[ray]\ngpus_per_run = 1.5", "'gpus_per_run' .* must be a whole number, at least 0, not 1.5"),
        ("[slurm]\nsetup = 'module load'", "'setup' .* must be a list of strings"),
        ("[local.environment]\nTHREADS = 3", "'environment' .* must be a table of strings"),
        ("[local", "The site file .* cannot be read: "),
    ],
)
def test_what_is_wrong_is_named_whichever_executor_is_chosen(write, text, sentence):
    with pytest.raises(InputError, match=sentence):
        read_site(write(text), "local")


def test_a_missing_file_is_bad_input(tmp_path):
    with pytest.raises(InputError, match=r"There is no site file .*nowhere\.toml"):
        read_site(tmp_path / "nowhere.toml", "slurm")


def test_the_documentations_example_is_a_site_file(write):
    text = (Path(__file__).parents[3] / "docs" / "clusters.md").read_text()
    path = write(text.partition("```toml\n")[2].partition("```")[0])
    assert [read_site(path, name).gpus_per_run for name in ("slurm", "ray", "local")] == [8, 1, 1]


def test_every_option_is_explained():
    for site in SITES.values():
        assert all(f"        {option.name}: " in site.__doc__ for option in fields(site))
