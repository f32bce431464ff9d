import json
import subprocess

import numpy
import pytest
import torch

from ablations.running import environment
from m2f.timing import machine


def test_versions_are_those_that_are_imported():
    versions = environment.package_versions()
    assert versions["torch"] == torch.__version__
    assert versions["numpy"] == numpy.__version__
    assert all(versions.values())


def test_package_that_is_not_installed_has_no_version(monkeypatch):
    monkeypatch.setattr(environment, "PACKAGES", {"nothing": ("m2f-nothing",)})
    assert environment.package_versions() == {"nothing": None}


def test_threads_are_those_that_torch_computes_with():
    before = torch.get_num_threads()
    torch.set_num_threads(before + 2)
    try:
        assert environment.environment()["threads"] == before + 2
    finally:
        torch.set_num_threads(before)


def test_required_packages_have_the_versions_that_are_installed():
    packages = environment.required_packages()
    assert packages["torch"] == torch.__version__
    assert {"click", "pandas", "onedl-mmengine"} <= set(packages)
    assert "pytest" not in packages  # for developers alone


def test_machine():
    facts = environment.environment()
    assert facts["processor"] == machine.processor(), "kinds that share a name give other numbers"
    assert facts["cores"] >= 1
    assert facts["memory"] > 0.1
    assert json.loads(json.dumps(facts)) == facts


def fake_tool(directory, monkeypatch):
    """Put a tool into the path that tells of two GPUs, or of those asked for."""
    tool = directory / "nvidia-smi"
    tool.write_text(
        "#!/bin/sh\n"
        'case "$*" in *--id=1*) ;; *) echo "NVIDIA H100, 570.1";; esac\n'
        'case "$*" in *--id=0*) ;; *) echo "NVIDIA A100, 570.1";; esac\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(directory), prepend=":")


def test_gpus_are_those_that_the_process_may_use(tmp_path, monkeypatch):
    fake_tool(tmp_path, monkeypatch)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert environment.gpus() == ["NVIDIA H100, 570.1", "NVIDIA A100, 570.1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert environment.gpus() == ["NVIDIA A100, 570.1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert environment.gpus() == []


def test_no_gpus_without_the_tool(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert environment.gpus() == []


def test_precision_is_the_configs(tmp_path):
    (tmp_path / "config.py").write_text("optim_wrapper = {'type': 'AmpOptimWrapper', 'dtype': 'float16'}\n")
    assert environment.precision(tmp_path) == {
        "wrapper": "AmpOptimWrapper",
        "type": "float16",
        "matrix_products": "high",
    }


@pytest.fixture
def git(tmp_path, monkeypatch):
    """A repository in the place of the suite's, and git in it."""
    root = tmp_path / "suite"
    root.mkdir()
    monkeypatch.setattr(environment, "ROOT", root)

    def call(*arguments):
        author = ("-c", "user.name=m2f", "-c", "user.email=m2f@example.org")
        subprocess.run(["git", "-C", root, *author, *arguments], check=True, capture_output=True)

    return call


@pytest.fixture
def commit(git):
    """A commit of one file."""
    git("init", "-q")
    (environment.ROOT / "m2f").mkdir()
    (environment.ROOT / "m2f" / "file").write_text("one\n")
    git("add", "m2f/file")
    git("commit", "-q", "-m", "one")
    return environment.git_commit()["commit"]


def test_no_commit(git):
    assert environment.git_commit() == {"commit": None, "dirty": None}


def test_an_installation_has_not_the_commit_of_the_repository_that_it_lies_in(commit, git):
    git("rm", "-q", "--cached", "m2f/file")
    git("commit", "-q", "-m", "two", "--allow-empty")
    assert environment.git_commit() == {"commit": None, "dirty": None}


def test_commit_and_changes(commit):
    assert len(commit) == 40
    assert environment.git_commit() == {"commit": commit, "dirty": False}
    (environment.ROOT / "m2f" / "file").write_text("two\n")
    assert environment.git_commit() == {"commit": commit, "dirty": True}


def test_what_users_keep_in_the_checkout_is_no_change(commit):
    (environment.ROOT / "report-mini").mkdir()
    (environment.ROOT / "report-mini" / "report.html").write_text("<p>")
    assert environment.git_commit() == {"commit": commit, "dirty": False}
    assert environment.local_changes() == b""
    (environment.ROOT / "my_rows.py").write_text("ROWS = ()\n")
    assert environment.git_commit() == {"commit": commit, "dirty": True}
    assert b"+ROWS = ()" in environment.local_changes()


def test_local_changes_can_be_applied_again(commit, git, tmp_path):
    """Changed, new and binary files, whatever the user's settings make of differences."""
    git("config", "diff.noprefix", "true")
    git("config", "color.ui", "always")
    root = environment.ROOT / "m2f"
    (root / "file").write_text("two\n")
    (root / "new file").write_text("three\n")
    patch = tmp_path / "dirty.patch"
    patch.write_bytes(environment.local_changes())
    (root / "new file").unlink()
    git("checkout", "-q", "m2f/file")
    git("-c", "diff.noprefix=false", "apply", str(patch))
    assert (root / "file").read_text() == "two\n"
    assert (root / "new file").read_text() == "three\n"


def test_surroundings_keep_the_patch_of_the_latest_attempt(commit, tmp_path):
    directory = tmp_path / "run"
    directory.mkdir()
    (directory / "config.py").write_text("")
    (environment.ROOT / "m2f" / "file").write_text("two\n")
    facts = environment.surroundings(directory)
    assert facts["git"] == {"commit": commit, "dirty": True, "patch": "dirty.patch"}
    assert facts["environment"]["precision"]["type"] == "float32"
    assert "+two" in (directory / "dirty.patch").read_text()
    (environment.ROOT / "m2f" / "file").write_text("one\n")
    assert environment.surroundings(directory)["git"] == {"commit": commit, "dirty": False}
    assert not (directory / "dirty.patch").exists()
