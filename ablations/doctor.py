"""What this machine has for the suite, and what to do about what it lacks."""

import os
import shutil
from pathlib import Path

from rich.console import Console

from ablations.planning.scales import SCALES
from ablations.running.conflicts import conflicts
from ablations.running.environment import available_cores, environment, git_commit
from ablations.terminal import folded

# Without FORCE_CUDA only ops for CPUs are built where no GPU is; with build isolation, which has no torch, none are.
BUILD_OPS = (
    "FORCE_CUDA=1 MMCV_WITH_OPS=1 pip install --no-build-isolation --no-binary onedl-mmcv --force-reinstall --no-deps "
    "onedl-mmcv=={version}"
)
GIGABYTE = 1e9
SHARED_MEMORY = Path("/dev/shm")  # through it workers hand images to the training

Fact = tuple[str, str, str]  # what, how it is, what to do about it


def examine(store: Path, data_directory: Path) -> list[Fact]:
    """Versions, conflicts, ops, devices, threads, memory, disk and data sets."""
    return [
        *_software(),
        *_machine(),
        _disk("disk at store", store),
        _disk("disk at data", data_directory),
        _disk("shared memory", SHARED_MEMORY),
        *_data_sets(data_directory),
    ]


def show(findings: list[Fact], console: Console) -> None:
    """Print the findings below each other, what is to do about one below it."""
    room = max(len(name) for name, _, _ in findings) + 2
    for name, found, mend in findings:
        for line in (f"{name:<{room}}{found}", f"{'':<{room}}-> {mend}" if mend else ""):
            if line:
                console.out("\n".join(folded(line, console.width, indent=room)), highlight=False)


def _software() -> list[Fact]:
    facts = environment()
    commit = git_commit()
    changed = " with local changes" if commit["dirty"] else ""
    versions = [
        (name, facts[name] or "missing", "" if facts[name] else "run `make test`, which installs the locked versions")
        for name in ("python", "torch", "mmengine", "mmcv", "mmdet", "mmseg", "numpy")
    ]
    return [
        *versions,
        *(conflicts() or [("conflicts", "none", "")]),
        *_sampling(facts["mmcv"]),
        ("commit", f"{commit['commit'] or 'none (not a git checkout)'}{changed}", ""),
    ]


def _sampling(mmcv: str | None) -> list[Fact]:
    """What deformable attention samples with on a GPU: mmcv's op, tried on the GPU that is here, or Triton."""
    import torch

    from m2f.compiled_ops import compiled_ops_available, triton_available

    if not torch.cuda.is_available():
        return [("compiled ops", "not used", "CPUs do not need them, nor do GPUs: there Triton serves")]
    triton = triton_available()
    without = (
        "not needed: Triton serves"
        if triton
        else "install Triton (`pip install triton`), a C compiler and Python's headers, or build them; without either, "
        "training takes 1.6 GB more an image"
    )
    build = f"{without}; to build them: `{BUILD_OPS.format(version=mmcv)}` (nvcc and a C++ compiler)"
    ops = "run on the GPU" if compiled_ops_available() else "do not run on the GPU"
    return [
        ("compiled ops", ops, "" if compiled_ops_available() else build),
        ("triton", "yes" if triton else "no", ""),
    ]


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
    from m2f.data.sources import SOURCES

    scenes = [("scenes", f"scenes/{scale}", "made by the first `m2f run` that needs it") for scale in SCALES[:2]]
    findings = []
    for name, place, mend in scenes:
        path = data_directory / place
        found = path.is_dir()
        findings.append((f"data: {name}", f"{'at' if found else 'not at'} {path}", "" if found else mend))
    return findings + [_data_set(name, data_directory / source.place) for name, source in SOURCES.items()]


def _data_set(name: str, path: Path) -> Fact:
    """Whether a data set is there as its archives are, and what is made of it."""
    from m2f.data.sources import SOURCES

    source = SOURCES[name]
    absent = [place for place in source.needed if not (path / place).is_dir()]
    if absent:
        where = f"not at {path}" if len(absent) == len(source.needed) else f"at {path}, without {absent[0]}"
        return f"data: {name}", where, source.sentence
    left = [made for made in source.made if not (path / made).exists()]
    if left:
        return f"data: {name}", f"at {path}, without {left[0]}", f"m2f data prepare {name} {path}"
    return f"data: {name}", f"at {path}", ""
