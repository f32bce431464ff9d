"""Count what ``docs/reproducing-tables.md`` tells: ``python scripts/reproducing_tables.py`` writes it into the page.

What stands there between ``<!-- counted: NAME -->`` and ``<!-- end -->`` is what the function of that name gives. The
memory takes some minutes.
"""

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from ablations.costs.demand import checkpoint_size, design, peak_memory, run_flops, step_flops
from ablations.costs.gpu_hours import GPUS, MEASURED, REFERENCE_STEP, assumed_speed, hours_on, speed_ratios
from ablations.planning.plan import ConfigFile, config_of_scale, row_config
from ablations.planning.scales import chosen_scale
from ablations.running.needs import FEW, GB, MANY, range_words
from ablations.studies import STUDIES
from m2f.cost.checkpoint import checkpoints_kept
from m2f.cost.images import training_size
from m2f.engine.addresses import cached, weights_of
from m2f.engine.shared_memory import loader_bytes, sample_bytes

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reproducing-tables.md"
BLOCK = re.compile(r"(?<=<!-- counted: )(\w+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)
TABLES = ("4a", "4b", "4c", "4d", "4e", "5")
ON_COCO = ("panoptic", "instance")
IMAGES = (1, 2, 4, 8, 16)


@cache
def file_of(task: str, scale: str = "paper") -> ConfigFile:
    """A scale's baseline of a task."""
    return config_of_scale(chosen_scale(scale), task)


@cache
def runs_of(*tables: str, task: str = "panoptic") -> int:
    """How many different trainings the tables have for a task and a seed."""
    rows = [row_config(file_of(task), row.overrides) for table in tables for row in STUDIES[table].variations]
    return len({json.dumps(row, sort_keys=True) for row in rows})


def rows() -> str:
    """How many rows and trainings there are."""
    number, runs = sum(len(STUDIES[table].variations) for table in TABLES), runs_of(*TABLES)
    return lines(
        f"Tables 4(a) to 4(e) and 5 have {number} rows a task. Rows with equal configs are one run: {runs} runs a",
        f"task, {3 * runs} with all three tasks and one seed.",
    )


def needs() -> str:
    """Weights, disk and shared memory of the paper's scale."""
    config = file_of("panoptic").config
    (address,) = weights_of(config).values()
    size, kept = checkpoint_size(config), checkpoints_kept(config)
    loader = config["train_dataloader"]
    workers, images, sample = loader["num_workers"], loader["batch_size"], sample_bytes(config) / 1e6
    runs = 3 * runs_of(*TABLES)
    return lines(
        row_of(["What", "How much", "Where"]),
        "|---|---|---|",
        row_of(
            [
                "weights of R50, trained on ImageNet",
                f"`{cached(address).name}` from <{address}>",
                "`~/.cache/torch/hub/checkpoints/`, or `hub/checkpoints/` in `$TORCH_HOME`",
            ]
        ),
        row_of(
            [
                "checkpoints",
                f"{size / 1e6:.0f} MB each, of which a run keeps {kept}: {runs * kept * size / GB:.0f} GB for {runs} "
                "runs, and one more for each that is writing",
                "the disk of `--store`",
            ]
        ),
        row_of(
            [
                "images on their way to training",
                f"{loader_bytes(config) / GB:.1f} GB a run: {workers} workers, 2 batches each of {images} images of "
                f"{sample:.1f} MB",
                "`/dev/shm`",
            ]
        ),
    )


def memory() -> str:
    """The memory of a training step by images, data and precision."""
    heading = ["Images on a GPU", *(name for name, *_ in MEMORY_COLUMNS)]
    table = [[str(images), *(memory_cell(images, *column[1:]) for column in MEMORY_COLUMNS)] for images in IMAGES]
    return lines(row_of(heading), "|" + "---:|" * len(heading), *map(row_of, table))


MEMORY_COLUMNS = (
    ("COCO, 1024 x 1024, mixed precision", "panoptic", True),
    ("COCO, float32", "panoptic", False),
    ("ADE20K, 512 x 512, mixed precision", "semantic", True),
    ("ADE20K, float32", "semantic", False),
)


def memory_cell(images: int, task: str, mixed: bool) -> str:
    """GB of a training step of a baseline, with few and with many targets."""
    few, many = (step_bytes(images, task, mixed, targets) / GB for targets in (FEW, MANY))
    return f"{few:.1f} to {many:.1f}"


def step_bytes(images: int, task: str, mixed: bool, targets: int = FEW, sampling_kernel: bool = True) -> int:
    """Bytes of a training step of a baseline."""
    config = file_of(task).config
    return peak_memory(design(config), training_size(config), images, targets, mixed, sampling_kernel)


def sampling() -> str:
    """What deformable sampling takes without a kernel of its own."""
    more = step_bytes(1, "panoptic", True, sampling_kernel=False) - step_bytes(1, "panoptic", True)
    return lines(
        "Deformable sampling has a kernel in Triton, and mmcv's where it is compiled. PyTorch's grid sampling, which",
        f"serves without them, keeps every vector: {more / GB:.1f} GB more for an image of COCO in mixed precision.",
    )


def work() -> str:
    """FLOPs of a training of each data set."""
    coco, ade = step("panoptic") / 1e9, step("semantic") / 1e9
    return lines(
        f"A training step of the baseline takes {coco:.1f} G multiply-accumulates an image of 1024 x 1024 with {FEW}",
        "targets (`training_flops_ours` in `reports/reference/costs.csv`), and "
        f"{ade:.1f} G at ADE20K's 512 x 512 by the same",
        "count. A multiply-accumulate is two FLOPs:",
        "",
        f"- COCO: {product(file_of('panoptic').config)} FLOPs a run,",
        f"- ADE20K: {product(file_of('semantic').config)} FLOPs a run.",
    )


def step(task: str) -> float:
    """Multiply-accumulates of a training step of one image."""
    config = file_of(task).config
    return step_flops(design(config), training_size(config))


def product(config: dict[str, Any]) -> str:
    """How the FLOPs of a run come about."""
    one = step_flops(design(config), training_size(config))
    mantissa, exponent = f"{run_flops(config):.2e}".split("e")
    iterations, images = config["train_cfg"]["max_iters"], config["train_dataloader"]["batch_size"]
    return f"{iterations:,} iterations x {images} images x {one / 1e9:.1f} G x 2 = {mantissa}e{int(exponent)}"


def others() -> str:
    """FLOPs of a training step of other rows."""
    attentions = row_steps("4c")
    attentions.pop(STUDIES["4c"].baseline)
    decoders = row_steps("4e")
    low, high = (pick(decoders, key=decoders.__getitem__) for pick in (min, max))
    return lines(
        f"The other rows of Table 4(c) take {min(attentions.values()):.1f} to {max(attentions.values()):.1f} G, the "
        f"pixel decoders of 4(e) from {decoders[low]:.0f} G ({low}) to {decoders[high]:.0f} G ({high})."
    )


def row_steps(table: str) -> dict[str, float]:
    """10^9 multiply-accumulates of a training step of one image, by row."""
    file = file_of("panoptic")
    configs = {row.name: row_config(file, row.overrides) for row in STUDIES[table].variations}
    return {name: step_flops(design(config), training_size(config)) / 1e9 for name, config in configs.items()}


def speed() -> str:
    """What is assumed of GPUs."""
    share = 100 * assumed_speed() / (MEASURED.peak * 1e12)
    others = "; ".join(
        f"{name}, {low:.1f} to {high:.1f} times"
        for name, gpu in GPUS.items()
        if gpu != MEASURED
        for low, high in [speed_ratios(gpu)]
    )
    return lines(
        f"With the reference's {REFERENCE_STEP / 1e9:.1f} G a step that is {assumed_speed() / 1e12:.1f} TFLOP/s a GPU, "
        f"{share:.1f}% of a V100's {MEASURED.peak:.0f} TFLOP/s",
        "in 16 bits. We assume that m2f sustains the same on a V100, and that another GPU is faster by at least its",
        f"ratio of memory bandwidth and at most its ratio of 16-bit peak, both as the vendor states them: {others}.",
    )


def hours() -> str:
    """GPU-hours of runs and of tables."""
    coco, ade = (run_flops(file_of(task).config) for task in ("panoptic", "semantic"))
    one, all_runs = runs_of("4c"), runs_of(*TABLES)
    table = {
        "one run on COCO": coco,
        "one run on ADE20K": ade,
        f"Table 4(c) or Table 5, three tasks: {2 * one} runs on COCO, {one} on ADE20K": one * (2 * coco + ade),
        f"Tables 4 and 5, three tasks: {2 * all_runs} runs on COCO, {all_runs} on ADE20K": all_runs * (2 * coco + ade),
    }
    hour_rows = [[name, *(range_words(hours_on(gpu, flops)) for gpu in GPUS.values())] for name, flops in table.items()]
    flops = one * (2 * coco + ade)
    days = [
        [words, *(range_words(days_on(gpu, flops / number)) + " days" for gpu in GPUS.values())]
        for words, number in (("one GPU", 1), ("eight GPUs", 8))
    ]
    return lines(
        row_of(["", *GPUS]),
        "|---|" + "---:|" * len(GPUS),
        *map(row_of, hour_rows),
        "",
        row_of(["Table 4(c), three tasks, from start to end", *GPUS]),
        "|---|" + "---:|" * len(GPUS),
        *map(row_of, days),
    )


def days_on(gpu: Any, flops: float) -> tuple[float, float]:
    """Days of one such GPU."""
    low, high = hours_on(gpu, flops)
    return low / 24, high / 24


def lite() -> str:
    """Hours of the scale lite."""
    flops = run_flops(file_of("panoptic", "lite").config)
    runs = 3 * runs_of("4c")
    return lines(
        row_of(["Scale lite", *GPUS]),
        "|---|" + "---:|" * len(GPUS),
        row_of(["one run", *(range_words(hours_on(gpu, flops)) for gpu in GPUS.values())]),
        row_of(
            [
                f"Table 4(c), panoptic, three seeds: {runs} runs",
                *(range_words(hours_on(gpu, runs * flops)) for gpu in GPUS.values()),
            ]
        ),
    )


def row_of(cells: list[str]) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def lines(*each: str) -> str:
    """Lines of a page."""
    return "".join(f"{line}\n" for line in each)


PARTS: dict[str, Callable[[], str]] = {
    part.__name__: part for part in (rows, needs, memory, sampling, work, others, speed, hours, lite)
}


def counted_parts(text: str) -> dict[str, str]:
    """What a page has in the place of each counted part."""
    return {match[1]: match[0].partition("\n")[2] for match in BLOCK.finditer(text)}


def counted_anew(text: str) -> str:
    """A page with its counted parts counted anew."""
    return BLOCK.sub(lambda match: match[1] + match[2] + PARTS[match[1]](), text)


if __name__ == "__main__":
    PAGE.write_text(counted_anew(PAGE.read_text()))
