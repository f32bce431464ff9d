"""What a plan's trainings need and what of it is there, told before anything is started.

Trainings on generated scenes need nothing that a laptop lacks: they are left out, and nothing is counted for them.
"""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console

from ablations.costs.demand import checkpoint_size, counted, run_flops, step_memory
from ablations.costs.gpu_hours import GPUS, hours_on
from ablations.planning.plan import Plan, PlannedRun, Run
from ablations.running.executors import Executor
from ablations.store.run_record import RunRecord
from ablations.store.runs import run_directory
from m2f.errors import InputError

GB = 1e9
FEW, MANY = 11, 100  # targets of an image: COCO's average, and the most that 100 queries can match


def demanding(plan: Plan, store: Path) -> list[PlannedRun]:
    """The trainings that are not done, but for those on generated scenes."""
    return [
        planned
        for name, planned in plan.trainings.items()
        if "scenes" not in planned.run.config and RunRecord(run_directory(store, name)).state.name != "done"
    ]


def need_lines(trainings: Sequence[PlannedRun], store: Path, data_directory: Path, executor: Executor) -> list[str]:
    """What trainings need beside what this machine has, a few lines; it takes a second or two for each design."""
    if not trainings:
        return []
    runs = [planned.run for planned in trainings]

    def file(planned: PlannedRun) -> str:
        return planned.run.config_file

    by_file = groupby(sorted(trainings, key=file), key=file)
    lines = [f"Weights: {words}" for words in weights_words(runs, data_directory)]
    try:
        lines.append(f"Disk: {disk_words(runs, store, executor.slots)}")
        lines.append(f"Shared memory: {shared_memory_words(runs)}")
        lines.extend(line for _, group in by_file for line in gpu_lines(list(group), executor.processes))
    except Exception as error:  # whatever a component of the user's raises that cannot do without data
        lines.append(
            f"The rest cannot be counted without data, {type(error).__name__}: {str(error).partition(chr(10))[0]}"
        )
    return lines


def weights_words(runs: Iterable[Run], data_directory: Path) -> Iterator[str]:
    """Each file of weights that trainings begin from: where it comes from, where it belongs, whether it is there."""
    from m2f.engine.addresses import check_address

    for key, address in named_weights(runs, data_directory):
        try:
            file = check_address(address, key)
        except InputError as error:
            yield f"MISSING. {error}"
        else:
            yield f"{file} {'is there' if file.exists() else 'is not there yet and will be fetched'}; from {address}"


def fetch_weights(runs: Iterable[Run], data_directory: Path, console: Console) -> None:
    """Have the weights that trainings begin from on the disk before any of them is started.

    A node of a cluster often has no network, but sees the directory in which torch keeps what it has downloaded.

    Raises:
        InputError: a file is missing, or an address does not answer.
    """
    from m2f.engine.addresses import check_address, fetched

    named = named_weights(runs, data_directory)
    places = [(key, address, check_address(address, key)) for key, address in named]
    for key, address, file in places:
        if not file.exists():
            console.print(f"Fetching {address} to {file}", highlight=False, markup=False, soft_wrap=True)
            fetched(address, key)


def named_weights(runs: Iterable[Run], data_directory: Path) -> list[tuple[str, Any]]:
    """The keys and addresses of the weights that trainings begin from, each address once."""
    from mmengine import Config

    from m2f.data.paths import resolve_data_paths
    from m2f.engine.addresses import weights_of

    models = {str((run.config["model"], run.config.get("load_from"))): run for run in runs}
    configs = [resolve_data_paths(Config(run.config), data_directory) for run in models.values()]
    named = {str(address): (key, address) for config in configs for key, address in weights_of(config).items()}
    return list(named.values())


def disk_words(runs: Sequence[Run], store: Path, slots: int) -> str:
    """What checkpoints will take of the store's disk."""
    needed, free = checkpoint_room(runs, store, slots), free_bytes(store)
    largest = max(checkpoint_size(run.config) for run in runs)
    return (
        f"{needed / GB:.1f} GB for checkpoints of up to {largest / 1e6:.0f} MB; {free / GB:.1f} GB are free at {store}"
        f"{too_small(free, needed)}"
    )


def require_room(runs: Sequence[Run], store: Path, slots: int) -> None:
    """See that the checkpoints of trainings find room on the disk, where they can be counted.

    Args:
        runs: trainings that are not done.
        store: where they lie.
        slots: how many run at a time.

    Raises:
        InputError: they do not.
    """
    try:
        needed, free = checkpoint_room(runs, store, slots), free_bytes(store)
    except Exception:  # a component of the user's cannot do without data: nothing is known to be missing
        return
    if free < needed:
        raise InputError(
            f"The checkpoints of {len(runs)} trainings will take {needed / GB:.1f} GB, and {store} has {free / GB:.1f} "
            "GB free; make room, or name another directory with --store."
        )


def checkpoint_room(runs: Sequence[Run], store: Path, slots: int) -> int:
    """Bytes that the checkpoints of trainings will take besides those that are there.

    While a training writes a checkpoint, those of which it takes the place are still there.
    """
    from m2f.cost.checkpoint import checkpoints_kept

    sizes = [checkpoint_size(run.config) for run in runs]
    missing = [
        max(0, checkpoints_kept(run.config) * size - present_bytes(run_directory(store, run.name)))
        for run, size in zip(runs, sizes, strict=True)
    ]
    return sum(missing) + sum(sorted(sizes, reverse=True)[:slots])


def present_bytes(directory: Path) -> int:
    """Bytes of the checkpoints in a run's directory."""
    return sum(path.stat().st_size for path in directory.glob("*.pth"))


def free_bytes(path: Path) -> int:
    """Bytes that are free where a path lies or will lie."""
    existing = next(parent for parent in [path.absolute(), *path.absolute().parents] if parent.exists())
    return shutil.disk_usage(existing).free


def shared_memory_words(runs: Sequence[Run]) -> str:
    """What images on their way to training take of shared memory, and what of it this machine has."""
    from m2f.engine.shared_memory import PLACE, loader_bytes

    needed = max(loader_bytes(run.config) for run in runs)
    words = f"{needed / GB:.1f} GB of {PLACE} a run for the images that workers have ready"
    return f"{words}; {free_bytes(PLACE) / GB:.1f} GB are free here{too_small(free_bytes(PLACE), needed)}"


def gpu_lines(trainings: Sequence[PlannedRun], processes: int) -> Iterator[str]:
    """GPU memory and hours of trainings of one config file; nothing where the size of its images is not said.

    The memory is that of the design that takes most.
    """
    from m2f.engine.precision import is_mixed

    known = [planned for planned in trainings if counted(planned.run.config)]
    if not known:
        return
    worst = max(known, key=lambda planned: step_memory(planned.run.config, images=1, targets=FEW))
    config, task = worst.run.config, worst.run.task
    images = -(-config["train_dataloader"]["batch_size"] // processes)
    few, many = (step_memory(config, images, targets) for targets in (FEW, MANY))
    more = images * (step_memory(config, 1, FEW, sampling_kernel=False) - step_memory(config, 1, FEW))
    precision = "mixed precision" if is_mixed(config) else "float32"
    step = f"{worst.cells[0].variant}, {images} images, {precision}"
    yield (
        f"GPU memory, {task}: {few / GB:.1f} to {many / GB:.1f} GB ({step}), about {more / GB:.1f} GB more without a "
        f"kernel for deformable sampling{gpus_here(few)}"
    )
    flops = sum(run_flops(planned.run.config) for planned in known)
    hours = ", ".join(f"{range_words(hours_on(gpu, flops))} on {name}" for name, gpu in GPUS.items())
    yield f"GPU hours, {task}, {len(known)} run{'' if len(known) == 1 else 's'}, without evaluations: {hours}"


def range_words(hours: tuple[float, float]) -> str:
    """Hours at least and at most."""
    low, high = (f"{value:,.0f}" if value >= 10 else f"{value:.1f}" for value in hours)
    return low if low == high else f"{low} to {high}"


def gpus_here(needed: float) -> str:
    """What the smallest of this machine's GPUs has; empty where there is none."""
    import torch

    sizes = [torch.cuda.get_device_properties(index).total_memory for index in range(torch.cuda.device_count())]
    return f"; GPUs here have {min(sizes) / GB:.0f} GB{too_small(min(sizes), needed)}" if sizes else ""


def too_small(present: float, needed: float) -> str:
    """A warning where less is there than is needed."""
    return ": TOO SMALL" if present < needed else ""
