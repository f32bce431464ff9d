"""What this machine has for the suite, and what to do about what it lacks."""

import os
import shutil
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ablations.planning.scales import SCALES
from ablations.running.environment import available_cores, environment, git_commit

BUILD_OPS = (
    "on a GPU they make deformable attention faster and smaller, a CPU does not need them; build them with "
    "`MMCV_WITH_OPS=1 pip install --no-binary onedl-mmcv --force-reinstall --no-deps onedl-mmcv` "
    "(a C++ compiler, for GPUs nvcc too; 17 minutes on two cores)"
)
GIGABYTE = 1e9

Fact = tuple[str, str, str]  # what, how it is, what to do about it


def examine(store: Path, data_directory: Path) -> list[Fact]:
    """Versions, ops, devices, threads, memory, disk and data sets."""
    return [
        *_software(),
        *_machine(),
        _disk("disk at store", store),
        _disk("disk at data", data_directory),
        *_data_sets(data_directory),
    ]


def show(findings: list[Fact], console: Console) -> None:
    """Print the findings as a table."""
    table = Table("", "found", "what to do", box=None)
    for finding in findings:
        table.add_row(*finding)
    console.print(table)


def _software() -> list[Fact]:
    from m2f.compiled_ops import compiled_ops_available

    facts = environment()
    commit = git_commit()
    changed = " with local changes" if commit["dirty"] else ""
    ops = ("compiled ops", "yes", "") if compiled_ops_available() else ("compiled ops", "no (stand-in)", BUILD_OPS)
    versions = [
        (name, facts[name] or "missing", "" if facts[name] else "run `make test`, which installs the locked versions")
        for name in ("python", "torch", "mmengine", "mmcv", "mmdet", "mmseg", "numpy")
    ]
    return [*versions, ops, ("commit", f"{commit['commit'] or 'none (not a git checkout)'}{changed}", "")]


def _machine() -> list[Fact]:
    import torch

    facts = environment()
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIGABYTE
    devices = [f"CUDA {torch.cuda.get_device_name(index)}" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append("MPS")
    accelerator = ", ".join(devices)
    return [
        ("platform", facts["platform"], ""),
        ("processor", facts["processor"], ""),
        ("devices", accelerator or "CPU only", "" if accelerator else "scales smoke and mini need no more"),
        ("cores", str(available_cores()), ""),
        ("threads", str(torch.get_num_threads()), ""),
        ("memory", f"{memory:.0f} GB", ""),
    ]


def _disk(name: str, path: Path) -> Fact:
    existing = next(parent for parent in [path.absolute(), *path.absolute().parents] if parent.exists())
    return name, f"{shutil.disk_usage(existing).free / GIGABYTE:.0f} GB free at {existing}", ""


def _data_sets(data_directory: Path) -> list[Fact]:
    from m2f.data.prepare import SOURCES

    scenes = [("scenes", f"scenes/{scale}", "made by the first `m2f run` that needs it") for scale in SCALES[:2]]
    others = [
        ("coco", "coco/annotations", SOURCES["coco"]),
        ("ade20k", "ade/ADEChallengeData2016/annotations", SOURCES["ade20k"]),
    ]
    findings = []
    for name, place, mend in scenes + others:
        path = data_directory / place
        found = path.is_dir()
        findings.append((f"data: {name}", f"{'at' if found else 'not at'} {path}", "" if found else mend))
    return findings
