"""Where a run takes place: commit and local changes, versions, machine, threads, precision."""

import os
import platform
import subprocess
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablations.store.run_record import RunRecord

if TYPE_CHECKING:
    from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
# What decides results: not the reports, stores and data sets that users keep in the checkout.
SUITE = ("m2f", "ablations", "configs", "pyproject.toml", "requirements.lock", ":(top,glob)*.py")
GIGABYTE = 1e9
# A patch as git applies it, whatever the user's own settings make of differences.
DIFF = ("-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false", "diff", "--no-ext-diff", "--no-color")
# Distributions by import name; the maintained builds come before the original ones.
PACKAGES = {
    "torch": ("torch",),
    "mmengine": ("onedl-mmengine", "mmengine"),
    "mmcv": ("onedl-mmcv", "mmcv"),
    "mmdet": ("onedl-mmdetection", "mmdet"),
    "mmseg": ("onedl-mmsegmentation", "mmsegmentation"),
    "numpy": ("numpy",),
}

Suite = tuple[dict[str, Any], bytes]


def surroundings(directory: Path, suite: Suite | None = None) -> dict[str, Any]:
    """What ``run.json`` keeps of where a run takes place, asked in the process and at the moment of the run.

    Local changes of the suite's files are kept in ``dirty.patch`` in the run's directory, for ``git apply``.

    Args:
        directory: the run's directory, with its ``config.py``.
        suite: what ``suite_state`` said when the code was loaded; by default it is asked now.

    Returns:
        ``environment``, which has the precision that the config asks for besides, and ``git``.
    """
    patch = RunRecord(directory).patch
    patch.unlink(missing_ok=True)
    commit, changes = suite or suite_state()
    git = {**commit, "patch": patch.name} if commit["dirty"] else commit
    if commit["dirty"]:
        patch.write_bytes(changes)
    return {"environment": {**environment(), "precision": precision(directory)}, "git": git}


def suite_state() -> Suite:
    """The suite's commit as ``git_commit`` tells it, and its local changes as a patch."""
    commit = git_commit()
    return commit, local_changes() if commit["dirty"] else b""


def environment() -> dict[str, Any]:
    """Versions of Python and of packages, the machine, and this process's threads.

    ``packages`` are all that m2f asks for; those that decide numbers are named besides. ``memory`` is in 10^9 bytes.
    """
    import torch

    from m2f.timing.machine import processor

    return {
        "python": platform.python_version(),
        **package_versions(),
        "packages": required_packages(),
        "cuda": torch.version.cuda,
        "platform": platform.platform(),
        "processor": processor(),
        "cores": available_cores(),
        "memory": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIGABYTE, 1),
        "gpus": gpus(),
        "threads": torch.get_num_threads(),
    }


def precision(directory: Path) -> dict[str, str]:
    """In which numbers a run trains, or has its training trained, see ``m2f.engine.precision.precision_of``."""
    from m2f.engine.precision import precision_of

    return precision_of(RunRecord(directory).config)


def gpus() -> list[str]:
    """Name and driver of each NVIDIA GPU that this process may use, as the driver's own tool tells them."""
    command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        if not visible:
            return []
        command.append(f"--id={visible}")
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in told.stdout.splitlines() if line.strip()]


def required_packages() -> dict[str, str | None]:
    """Installed versions of the packages that m2f asks for, by their own names; None of what is not installed."""
    return {name: installed_version((name,)) for name in sorted({each.name for each in requirements()})}


def requirements() -> list["Requirement"]:
    """What m2f asks for on this machine without extras, as it was installed."""
    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(line) for line in requires("m2f") or []]
    except PackageNotFoundError:
        return []
    return [each for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})]


def package_versions() -> dict[str, str | None]:
    """Installed versions by import name, without importing anything; None if not installed."""
    return {name: installed_version(distributions) for name, distributions in PACKAGES.items()}


@cache
def installed_version(distributions: tuple[str, ...]) -> str | None:
    """The version of the first of some distributions that is installed; None if none is."""
    for distribution in distributions:
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return None


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def git_commit() -> dict[str, Any]:
    """The suite's commit and whether its files differ from it; nulls where there is none, as where it is installed."""
    own = _git("ls-files", "--error-unmatch", "--", SUITE[0])  # not of the repository whose environment it lies in
    commit = _git("rev-parse", "HEAD") if own else None
    if commit is None:
        return {"commit": None, "dirty": None}
    return {"commit": commit.decode().strip(), "dirty": bool(_git("status", "--porcelain", "--", *SUITE))}


def local_changes() -> bytes:
    """How the suite's files differ from its commit, new files too, as a patch; binary new files are only named."""
    return b"".join(_changes())


def _changes() -> Iterator[bytes]:
    yield _git(*DIFF, "--binary", "HEAD", "--", *SUITE) or b""
    for name in (_git("ls-files", "--others", "--exclude-standard", "-z", "--", *SUITE) or b"").split(b"\0"):
        if name:
            # Files that differ, as these do from nothing, make git exit with 1.
            yield _git(*DIFF, "--no-index", "--", os.devnull, os.fsdecode(name), codes=(0, 1)) or b""


def _git(*arguments: str, codes: tuple[int, ...] = (0,)) -> bytes | None:
    """What git says in the suite's directory; None if it fails or there is no git."""
    try:
        told = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True)
    except OSError:
        return None
    return told.stdout if told.returncode in codes else None
