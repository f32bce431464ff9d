import subprocess

import numpy
import torch

from ablations import environment


def test_versions_are_those_that_are_imported():
    versions = environment.package_versions()
    assert versions["torch"] == torch.__version__
    assert versions["numpy"] == numpy.__version__
    assert all(versions.values())


def test_package_that_is_not_installed_has_no_version(monkeypatch):
    monkeypatch.setattr(environment, "PACKAGES", {"nothing": ("m2f-nothing",)})
    assert environment.package_versions() == {"nothing": None}


def test_threads_are_those_given_to_the_process(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert environment.environment()["threads"] == 3


def test_commit_and_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "__file__", str(tmp_path / "ablations" / "environment.py"))
    assert environment.git_commit() == {"commit": None, "dirty": None}
    git = ["git", "-C", str(tmp_path), "-c", "user.name=m2f", "-c", "user.email=m2f@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    (tmp_path / "file").write_text("one")
    subprocess.run([*git, "add", "file"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "one"], check=True)
    clean = environment.git_commit()
    assert (len(clean["commit"]), clean["dirty"]) == (40, False)
    (tmp_path / "file").write_text("two")
    assert environment.git_commit() == {"commit": clean["commit"], "dirty": True}
