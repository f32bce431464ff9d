"""Stand-ins for ``m2f.engine``'s ``train`` and ``evaluate`` that do in a blink what a test needs."""

import json
import os
import signal
import time
from pathlib import Path

from m2f.errors import InputError


def train(config, work_dir, *, resume=True):
    """Learn nothing; leave behind what a training leaves behind."""
    print(f"training {config.task}")
    with (work_dir / "calls.txt").open("a") as calls:
        calls.write(
            f"{os.getpid()} {os.environ['OMP_NUM_THREADS']} {resume} {os.environ.get('CUDA_VISIBLE_DEVICES', 'none')}\n"
        )
    say_progress(work_dir)
    metrics = {"PQ": 40.0 + config.seed}
    (work_dir / "history.json").write_text(json.dumps([{"iteration": 10, "metrics": metrics}]))
    (work_dir / "timing.json").write_text(json.dumps({"seconds": {"total": 1.0}}))
    (work_dir / "iter_10.pth").write_text(f"weights of seed {config.seed}")
    (work_dir / "last_checkpoint").write_text(str(work_dir / "iter_10.pth"))
    return metrics


def evaluate(config, checkpoint, work_dir):
    print(f"evaluating {checkpoint.read_text()}")
    return {"fg_avg": 0.25, "AR100_layer0": 30.0}


def tell_birth(config, work_dir, *, resume=True):
    """Leave behind with which GPUs this process was begun, before any code ran in it."""
    variables = dict(line.split("=", 1) for line in Path("/proc/self/environ").read_text().split("\0") if "=" in line)
    (work_dir / "birth.txt").write_text(variables.get("CUDA_VISIBLE_DEVICES", "none"))
    return train(config, work_dir, resume=resume)


def say_progress(work_dir):
    progress = {"phase": "train", "iteration": 3, "iterations": 10, "loss": 1.5, "eta_seconds": 7.0}
    (work_dir / "progress.json").write_text(json.dumps(progress))


def fail_with_seed_1(config, work_dir, *, resume=True):
    if config.seed == 1:
        raise RuntimeError("the loss became nan")
    return train(config, work_dir, resume=resume)


def find_bad_image(config, work_dir, *, resume=True):
    raise InputError("pictures/7.png is not an image; fetch it again.")


def be_killed(config, work_dir, *, resume=True):
    os.kill(os.getpid(), signal.SIGKILL)


def with_seed_1(fault):
    """A training that meets a fault where its seed is 1."""

    def training(config, work_dir, *, resume=True):
        if config.seed == 1:
            fault(config, work_dir)
        return train(config, work_dir, resume=resume)

    return training


def fill_memory(config, work_dir, *, resume=True):
    """Take 1 GiB in the control group whose list of processes the file ``group`` beside the store's runs names."""
    Path((work_dir.parent / "group").read_text()).write_text(str(os.getpid()))
    held = [bytearray(1 << 20) for _ in range(1024)]
    raise AssertionError(f"{len(held)} MiB were not too much")


def fill_disk(config, work_dir, *, resume=True):
    """Write a checkpoint that takes what is left of the disk, to the last page, unless that is more than 1 MiB."""
    with (work_dir / "iter_5.pth").open("wb", buffering=0) as file:
        for _ in range(256):
            file.write(bytes(4096))
    return train(config, work_dir, resume=resume)


be_killed_with_seed_1 = with_seed_1(be_killed)
fill_memory_with_seed_1 = with_seed_1(fill_memory)


def wait_for_release(config, work_dir, *, resume=True):
    """Train when the file ``release`` appears beside the store's runs."""
    say_progress(work_dir)
    while not (Path(work_dir).parent / "release").exists():
        time.sleep(0.02)
    return train(config, work_dir, resume=resume)


def join(config, work_dir, *, resume=True):
    """Add up 1 + rank over the processes of the run."""
    import torch
    from mmengine.dist import all_reduce, get_rank

    from m2f.engine.processes import joined_processes

    with joined_processes():
        total = torch.tensor(1.0 + get_rank())
        all_reduce(total)
        return {"PQ": total.item()}
