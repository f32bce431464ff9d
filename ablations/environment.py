"""Where a run takes place: versions, machine, threads, commit."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

# Distributions by import name; the maintained builds come before the original ones.
PACKAGES = {
    "torch": ("torch",),
    "mmengine": ("onedl-mmengine", "mmengine"),
    "mmcv": ("onedl-mmcv", "mmcv"),
    "mmdet": ("onedl-mmdetection", "mmdet"),
    "mmseg": ("onedl-mmsegmentation", "mmsegmentation"),
    "numpy": ("numpy",),
}


def environment() -> dict[str, Any]:
    """Versions of Python and the packages that decide numbers, the machine, and this process's threads."""
    return {
        "python": platform.python_version(),
        **package_versions(),
        "platform": platform.platform(),
        "processor": processor(),
        "cores": available_cores(),
        "threads": int(os.environ.get("OMP_NUM_THREADS", available_cores())),
    }


def package_versions() -> dict[str, str | None]:
    """Installed versions by import name, without importing anything; None if not installed."""
    return {name: _first_version(distributions) for name, distributions in PACKAGES.items()}


def _first_version(distributions: tuple[str, ...]) -> str | None:
    for distribution in distributions:
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return None


def processor() -> str:
    """The processor's name as the system tells it."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def git_commit() -> dict[str, Any]:
    """The suite's commit and whether its files differ from it; nulls where there is no commit."""
    commit = _git("rev-parse", "HEAD")
    return {"commit": commit, "dirty": None if commit is None else bool(_git("status", "--porcelain"))}


def _git(*arguments: str) -> str | None:
    root = Path(__file__).resolve().parent.parent
    try:
        result = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.strip()
