"""Going on with a training from its newest whole checkpoint, running nothing that the file brings."""

import re
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.runner import CheckpointLoader

from m2f.checkpoints.torch_file import reason, require_whole, tensors_alone
from m2f.engine.processes import from_main
from m2f.errors import InputError
from m2f.files import write_atomically

SCHEME = "m2f+checkpoint://"  # by which mmengine finds our reader; its own runs what it cannot read as tensors alone
NEEDED = (("state_dict",), ("meta", "iter"), ("meta", "epoch"))


def resume_newest(config: Config, work_dir: Path) -> None:
    """Let a training begin where its newest whole checkpoint ended, or anew if there is none.

    A checkpoint may have been cut by a kill, a full disk or a loss of power. What is passed over is printed.

    Args:
        config: of the training, to be changed.
        work_dir: the run's directory.
    """
    checkpoint = from_main(newest_whole(work_dir) if is_main_process() else None)
    if checkpoint:
        config.resume = True
        config.load_from = f"{SCHEME}{checkpoint}"


def newest_whole(work_dir: Path) -> Path | None:
    """The newest checkpoint that is whole, which ``last_checkpoint`` then names; None if there is none."""
    passed_over = False
    for iteration, path in newest_first(work_dir):
        if fault := damage(path):
            print(f"{path} is damaged ({fault}) and passed over.", flush=True)
            passed_over = True
            continue
        if passed_over:
            print(f"Going on from iteration {iteration}, of the newest whole checkpoint {path}.", flush=True)
        write_atomically(work_dir / "last_checkpoint", str(path).encode())
        return path
    if passed_over:
        print(f"{work_dir} has no whole checkpoint; the training begins anew.", flush=True)
    return None


def newest_first(work_dir: Path) -> list[tuple[int, Path]]:
    """The checkpoints that a training has written, with their iterations."""
    names = {path: re.fullmatch(r"iter_(\d+)\.pth", path.name) for path in work_dir.glob("*.pth")}
    return sorted(((int(match[1]), path) for path, match in names.items() if match), reverse=True)


def damage(path: Path) -> str:
    """What is wrong with a checkpoint; empty if nothing.

    Raises:
        OSError: it cannot be opened.
    """
    try:
        require_whole(path)
    except OSError:
        raise
    except Exception as error:  # a damaged file may raise any
        return str(error)
    return ""


@CheckpointLoader.register_scheme(prefixes=re.escape(SCHEME))
def load_from_training(filename: str, map_location: Any) -> dict[str, Any]:
    """Read a checkpoint to resume as tensors and plain values alone, without the history of the log.

    Args:
        filename: a path behind ``SCHEME``.
        map_location: as ``torch.load`` takes it.

    Raises:
        InputError: the file holds anything else.
    """
    path = filename.removeprefix(SCHEME)
    try:
        checkpoint = tensors_alone(Path(path), map_location)
        # What is read in place of numpy's numbers and of the log's history is not to be used.
        checkpoint["message_hub"]["log_scalars"] = {}
        checkpoint["message_hub"]["runtime_info"].pop("eta", None)
        checkpoint["meta"].pop("config", None)  # code, which mmengine would run
        for keys in NEEDED:
            reduce(getitem, keys, checkpoint)
    except Exception as error:  # whatever a file may raise that is no checkpoint of ours
        raise InputError(
            f"{path} cannot be gone on from, {reason(error)}; remove it to go on from an earlier one."
        ) from error
    return checkpoint
