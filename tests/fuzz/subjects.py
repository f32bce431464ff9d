"""What is damaged, and what is then done with it: a tree of files each, built once and copied for every case."""

import csv
import json
import math
import pickle
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import equal_numbers
import numpy as np
import torch
from behaviour import MisconductError, Reply, ask, call, require
from damage import VALUES, damage_file
from mmengine.registry import init_default_scope
from safetensors.torch import load_file, save_file

from ablations.gate.measured import read_evidence
from ablations.planning.plan import config_of_scale, make_plan
from ablations.planning.scales import chosen_scale
from ablations.store.record_writing import add_facts, write_done, write_running
from ablations.store.results_frame import read_results
from ablations.store.runs import config_text, create_run, open_store, write_sweep
from ablations.studies import STUDIES
from m2f.checkpoints import read_checkpoint
from m2f.config_files import read_values
from m2f.data.coco import CocoInstanceSegments, CocoPanopticSegments
from m2f.data.scenes import SceneSpec, ensure_scenes
from m2f.errors import InputError
from m2f.registry import MODELS

OUT = "out"  # where commands may write
METRICS = [{"PQ": 40.0, "SQ": 71.5, "RQ": 52.25}, {"PQ": 43.5, "SQ": 70.0, "RQ": 55.125}]
SPLIT = "val2017"


@dataclass(frozen=True)
class Subject:
    """A kind of input.

    Attributes:
        build: writes the whole tree to a directory.
        patterns: of the files of which one is damaged, each as likely as the others; none where words are.
        use: does with a tree what may be done with it, and is told which file is damaged; raises ``MisconductError``.
    """

    build: Callable[[Path], None]
    patterns: Sequence[str]
    use: Callable[[Path, Random, Path], None]


def damage_one(place: Path, random: Random, patterns: Sequence[str]) -> Path:
    """Damage one of the files of a tree; which. The tree itself without patterns."""
    if not patterns:
        return place
    pattern = random.choice(patterns)
    chosen = random.choice(sorted(path for path in place.glob(pattern) if path.is_file()))
    damage_file(chosen, random)
    return chosen


def require_named(reply: Reply, place: Path, damaged: Path) -> None:
    """See that what was refused is named: the damaged file, a directory that it lies in, or a row of the table."""
    parts = {*damaged.relative_to(place).parts, str(place), "4c "} - {"runs", "annotations"}
    if reply.code == 2:
        require(any(part in reply.error for part in parts), f"does not name {damaged}: {reply.error}")


# A store of two finished runs


def build_store(place: Path) -> None:
    """Two finished runs of a table, and the baseline and the results that were made of them."""
    plan = make_plan([STUDIES["4c"]], chosen_scale("smoke"), ["panoptic"], [0], {}, place / "data")
    store, cells = open_store(place / "store"), plan.cells[:2]
    write_sweep(store, cells)
    for cell, metrics in zip(cells, METRICS, strict=True):
        directory = create_run(store, cell.run, place / "data")
        write_running(directory)
        environment = {
            "processor": "A processor",
            "threads": 1,
            "python": "3.11",
            "packages": {"torch": "2"},
            "gpus": [],
        }
        add_facts(directory, environment=environment, git={"commit": "0123abc", "dirty": False})
        write(directory / "timing.json", {"seconds": {"train": 3.0, "total": 4.0}})
        write(directory / "history.json", [{"iteration": step, "metrics": metrics} for step in (5, 10)])
        write(directory / "progress.json", {"phase": "train", "iteration": 10, "iterations": 10, "loss": 1.5})
        (directory / "per_class.csv").write_text(f"class,segments,PQ\ndisk,4,{metrics['PQ']}\nsand,2,\n")
        (directory / "per_image.csv").write_text(f"image,PQ\n007,{metrics['PQ']}\n8,12.5\n")
        scalars = directory / "20260101_000000" / "vis_data" / "scalars.json"
        scalars.parent.mkdir(parents=True)
        scalars.write_text('{"step": 1, "loss": 30.5}\n{"step": 10, "loss": 20.25}\n')
        (directory / "log.txt").write_text("done\n")
        write_done(directory, metrics)
    read_results(store).frame.to_csv(place / "results.csv", index=False)
    reply = call(place, "check", "--store", "store", "--baseline", "baseline.json", "--update")
    require(reply.code == 0, reply.out + reply.error)


def write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content))


def read_metrics(run: Path) -> Any:
    return json.loads((run / "metrics.json").read_bytes())["metrics"]


def use_store(place: Path, random: Random, damaged: Path) -> None:
    """A file of a store is damaged."""
    store = place / "store"
    for words, codes in store_commands(store):
        require_named(call(place, *words, codes=codes), place, damaged)
    results = ask(read_results, store)
    if not isinstance(results, InputError):
        frame = results.frame
        for row in frame.to_dict("records"):
            own = read_metrics(store / "runs" / row["run"])
            require(row["value"] == own[row["metric"]], f"the results say {row}, the run {own}")
        whole = {path.name for path in (store / "runs").iterdir() if path not in damaged.parents}
        if "sweeps" not in damaged.parts:
            require(whole <= set(frame["run"]), f"left out a whole run: {results.damaged}")


def store_commands(store: Path) -> Iterator[tuple[list[Any], Sequence[int]]]:
    """Commands that read a store, with the exit codes that they may end with."""
    yield ["status", "--store", store], (0, 2)
    yield ["status", "--json", "--store", store], (0, 2)
    yield (
        ["check", "--store", store, "--baseline", "baseline.json", "--json", f"{OUT}/a", "--junit", f"{OUT}/b"],
        (0, 1, 2),
    )
    yield ["diff", store, "baseline.json"], (0, 2)
    yield ["diff", "results.csv", store], (0, 2)
    yield ["compare", "4c:cross-attention", "4c:SMCA", "--store", store], (0, 2)
    yield ["run", "4c", "--scale", "smoke", "--tasks", "panoptic", "--dry-run", "--store", store], (0, 2)
    yield ["rerun", "0", "--store", store], (2,)
    yield ["doctor", "--store", store], (0, 2)


def use_report(place: Path, random: Random, damaged: Path) -> None:
    """A file of a store is damaged, of which a report and a page are made."""
    report = call(place, "report", "4c", "--store", "store", "--out", f"{OUT}/report")
    page = call(place, "compare", "cross-attention", "SMCA", "--store", "store", "--out", f"{OUT}/page")
    require_named(report, place, damaged)
    require_named(page, place, damaged)
    if report.code == 0:
        with (place / OUT / "report" / "results.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                own = read_metrics(place / "store" / "runs" / row["run"])
                require(float(row["value"]) in own.values(), f"the report says {row}, the run {own}")


# What a sweep is compared with


def use_baseline(place: Path, random: Random, damaged: Path) -> None:
    """The baseline is damaged."""
    compare_with(place, damaged)
    out = place / OUT / "updated.json"
    if damaged.is_file():
        shutil.copy(damaged, out)
    require_named(call(place, "check", "--store", "store", "--baseline", out, "--update"), place, out)


def use_results(place: Path, random: Random, damaged: Path) -> None:
    """The results are damaged."""
    compare_with(place, damaged)
    found = ask(read_evidence, place / "results.csv")
    if not isinstance(found, InputError):
        with (place / "results.csv").open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        told = {value for values in found.evidence.metrics.values() for value in values.values()}
        written = {round(float(row["value"].rstrip("\0")), 4) for row in rows if row["value"]}
        require(told <= written, f"the file holds {written}, read were {told}")


def compare_with(place: Path, path: Path) -> None:
    """Compare a store with a file that holds a sweep's numbers in each way."""
    arguments = ["--json", f"{OUT}/findings.json", "--junit", f"{OUT}/junit.xml"]
    for words, codes in (
        (["check", "--store", "store", "--baseline", path.name, *arguments], (0, 1, 2)),
        (["check", "--store", path.name, "--baseline", "store"], (0, 1, 2)),
        (["diff", path.name, "store"], (0, 2)),
        (["diff", "store", path.name], (0, 2)),
    ):
        require_named(call(place, *words, codes=codes), place, path)
    findings = place / OUT / "findings.json"
    if findings.is_file():
        require_numbers(json.loads(findings.read_bytes(), parse_constant=refuse)["findings"])


def refuse(word: str) -> None:
    raise MisconductError(f"wrote {word}, which is no JSON")


def require_numbers(findings: list[dict[str, Any]]) -> None:
    """See that what was found of the store's metrics is what its runs have, and each difference numpy's."""
    known = {
        (row, name): value
        for row, own in zip(("cross-attention", "SMCA"), METRICS, strict=True)
        for name, value in own.items()
    }
    for finding in findings:
        old, new, difference = finding["old"], finding["new"], finding["difference"]
        if finding["kind"] == "metric" and finding["table"] == "4c" and new and finding["name"] in METRICS[0]:
            expected = [known[finding["variant"], finding["name"]]]
            require(new == expected, f"{finding} should have {expected}")
        if finding["kind"] == "metric" and old and new and difference is not None:
            expected = float(np.mean(new) - np.mean(old))
            require(math.isclose(difference, expected, rel_tol=1e-9, abs_tol=1e-9), f"{finding} should be {expected}")


# A data set


def build_data(place: Path) -> None:
    """Three scenes in COCO's layout."""
    ensure_scenes(SceneSpec(64, {SPLIT: 3}), place / "data", workers=1)
    (place / "data" / "manifest.json").unlink()


def use_data(place: Path, random: Random, damaged: Path) -> None:
    """An annotation file, or now and then an image, is damaged."""
    root = place / "data"
    verified = call(place, "data", "verify", root)
    require_named(verified, place, damaged)
    segments, objects = (root / "annotations" / f"{kind}_{SPLIT}.json" for kind in ("panoptic", "instances"))
    refused = [
        load_data(CocoPanopticSegments, segments),
        load_data(CocoInstanceSegments, objects),
        equal_numbers.panoptic(segments, place / OUT, random),
        equal_numbers.instances(objects, random),
    ]
    for answer in refused:
        if isinstance(answer, InputError):
            require(verified.code == 2 or not damaged.exists(), f"verify says whole, but: {answer}")
            require("/" in str(answer), f"names no file: {answer}")


def load_data(kind: Callable[..., Any], path: Path) -> InputError | bool:
    """Whether a data set is all that its file lists; m2f's refusal where it refuses."""
    prefix = {"img": f"{path.parents[1]}/{SPLIT}/", "seg": f"{path.with_suffix('')}/"}

    def load() -> Any:
        return kind(ann_file=str(path), data_prefix=prefix, pipeline=[], test_mode=True, serialize_data=False)

    data = ask(load)
    if isinstance(data, InputError):
        return data
    listed = [image["id"] for image in equal_numbers.loosely(path)["images"]]
    require([data.get_data_info(place)["img_id"] for place in range(len(data))] == listed, "other images than listed")
    return True


# Checkpoints


TENSORS = {
    "transformer_decoder.norm.weight": torch.arange(64, dtype=torch.float32),
    "transformer_decoder.embeddings": torch.arange(600, dtype=torch.float32).reshape(20, 30),
    "pixel_decoder.count": torch.tensor(5),
}


def build_checkpoints(place: Path) -> None:
    """One checkpoint in each form."""
    torch.save({"state_dict": TENSORS, "meta": {"epoch": 1}}, place / "zipped.pth")
    torch.save({"state_dict": TENSORS}, place / "old.pth", _use_new_zipfile_serialization=False)
    arrays = {name: tensor.numpy() for name, tensor in TENSORS.items()}
    (place / "arrays.pkl").write_bytes(pickle.dumps({"model": arrays}))
    (place / "directory").mkdir()
    save_file(TENSORS, place / "directory" / "model.safetensors")
    write(place / "directory" / "config.json", {"model_type": "mask2former"})
    write(
        place / "directory" / "model.safetensors.index.json",
        {"weight_map": dict.fromkeys(TENSORS, "model.safetensors")},
    )


def use_checkpoint(place: Path, random: Random, damaged: Path) -> None:
    """A checkpoint is damaged."""
    path = place / "directory" if damaged.parent.name == "directory" else damaged
    answer = ask(read_checkpoint, path)
    if isinstance(answer, InputError):
        require(damaged.name in str(answer) or path.name in str(answer), f"does not name {damaged}: {answer}")
        return
    tensors = answer[0]
    held = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    size = sum(each.stat().st_size for each in [path, *path.rglob("*")] if each.is_file())
    require(held <= len(tensors) * size, f"{held} bytes from {size}")
    expected = others_tensors(path)
    require(tensors.keys() == expected.keys(), f"names are {list(tensors)}, should be {list(expected)}")
    for name, tensor in tensors.items():
        require(tensor.dtype == expected[name].dtype, f"{name} is of {tensor.dtype}, should be {expected[name].dtype}")
        same = torch.equal(torch.nan_to_num(tensor), torch.nan_to_num(expected[name]))
        require(same, f"{name} is another tensor")


def others_tensors(path: Path) -> dict[str, torch.Tensor]:
    """What torch and safetensors read there; of a pickle, which nothing else may read, what m2f does."""
    if path.is_dir():
        return {name: tensor for file in path.glob("*.safetensors") for name, tensor in load_file(file).items()}
    if path.suffix == ".pkl":
        return read_checkpoint(path)[0]
    content = torch.load(path, weights_only=True, map_location="cpu")
    return content.get("state_dict", content)


# Evaluations


def build_evaluation(place: Path) -> None:
    """The smallest scale's config, random weights of its model, and scenes."""
    build_data(place)
    init_default_scope("m2f")
    config = config_of_scale(chosen_scale("smoke"), "panoptic").config
    config["val_dataloader"] |= {"num_workers": 0, "persistent_workers": False}
    torch.manual_seed(0)
    torch.save({"state_dict": MODELS.build(config["model"]).state_dict()}, place / "weights.pth")
    (place / "smallest.py").write_text(config_text({**config, "seed": 0}))


def use_evaluation(place: Path, random: Random, damaged: Path) -> None:
    """Weights or data are damaged, and evaluated."""
    out = place / OUT / "evaluation"
    reply = call(place, "eval", "smallest.py", "weights.pth", "--data", place / "data", "--out", out, "--json")
    require_named(reply, place, damaged)
    require(out.exists() == (reply.code == 0), "left half an evaluation")
    if reply.code == 0:
        metrics = json.loads(reply.out, parse_constant=refuse)["metrics"]
        truth = place / "data" / "annotations" / f"panoptic_{SPLIT}.json"
        theirs = equal_numbers.quality(truth, out / "panoptic.json")
        require(abs(metrics["PQ"] - theirs) < 1e-9, f"PQ is {metrics['PQ']}, panopticapi's {theirs}")


# Configs, overrides and command lines


def build_configs(place: Path) -> None:
    """A scale of one's own: a whole config of values."""
    build_store(place)
    (run,) = [path for path in (place / "store" / "runs").iterdir() if METRICS[0] == read_metrics(path)]
    (place / "tiny").mkdir()
    shutil.copy(run / "config.py", place / "tiny" / "panoptic.py")
    (place / "site.toml").write_text('[local]\njobs = 2\nenvironment = { NAME = "value" }\n[slurm]\nhours = 3\n')


def use_config(place: Path, random: Random, damaged: Path) -> None:
    """A value of a config that people write is damaged."""
    call(place, "run", random.choice(["4c", "baseline"]), "--scale", "tiny", "--tasks", "panoptic", "--dry-run")


def use_override(place: Path, random: Random, damaged: Path) -> None:
    """A value of a config is replaced from the command line."""
    key, value = random.choice(list(places(read_values(place / "tiny" / "panoptic.py"))))
    other = random.choice([*VALUES, value, [value], str(value), -1, 0])
    given = f"{key}={other!r}" if random.random() < 0.7 else f"{key}{random.choice(['', '.', '.x', '.0', '='])}={other}"
    words = ["run", "4c", "--scale", "smoke", "--tasks", "panoptic", "--dry-run", "--override", given]
    if random.random() < 0.3:
        words += ["--site", "site.toml", "--executor", random.choice(["local", "slurm", "ray"])]
    call(place, *words)


def places(values: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values of a config, dicts and lists among them."""
    for key, value in values.items():
        yield f"{above}{key}", value
        inner = dict(enumerate(value)) if isinstance(value, list | tuple) else value
        if isinstance(inner, dict):
            yield from places(inner, f"{above}{key}.")


COMMANDS = (
    *(["list"], ["run"], ["status"], ["check"], ["diff"], ["compare"], ["rerun"], ["convert"], ["doctor"], ["eval"]),
    *(
        ["data", "verify"],
        ["data", "scenes"],
        ["cost", "--model"],
        ["bench", "peers", "--peers", "none"],
        ["report", "no"],
    ),
)
OPTIONS = (
    *("--store", "--json", "--help", "--scale", "--tasks", "--seeds", "--jobs", "--executor", "--site", "--override"),
    *(
        "--baseline",
        "--junit",
        "--update",
        "--allow-missing",
        "--out",
        "--data",
        "--split",
        "--classes-from",
        "--import",
    ),
    *("--task", "--from", "--to", "--split-sizes", "--dry-run", "--tensorboard", "-x", "--", "-"),
)
WORDS = (
    *(
        "store",
        "results.csv",
        "baseline.json",
        "tiny",
        "tiny/panoptic.py",
        "site.toml",
        "nowhere",
        ".",
        "/",
        "/dev/null",
    ),
    *("4c", "4c:SMCA", "SMCA", "4C", "figII", "0", "0,1", "-1", "1e9", "smoke", "panoptic", "semantic", "local", "ray"),
    *("a=1", "train_cfg.max_iters=5", "model=None", "x" * 300, "x" * 5000, "é", "val2017=2", "os.path", "json", ""),
)


def use_command_line(place: Path, random: Random, damaged: Path) -> None:
    """A command gets options and words as they come."""
    words: list[str] = list(random.choice(COMMANDS))
    for _ in range(random.randrange(7)):
        draw = random.random()
        if draw < 0.4:
            words += [random.choice(OPTIONS), random.choice(WORDS)]
        elif draw < 0.9:
            words.append(random.choice(WORDS))
        else:
            words.append(str(random.choice([each for each in VALUES if isinstance(each, str) and "\0" not in each])))
    sure = {"run": ["--dry-run"], "report": ["no"]}.get(words[0], [])
    call(place, *words[:1], *sure, *words[1:], codes=(0, 1, 2))


SUBJECTS = {
    "store": Subject(build_store, ["store/sweeps/*", "store/runs/*/*", "store/runs/*/**/*"], use_store),
    "report": Subject(build_store, ["store/sweeps/*", "store/runs/*/*.json", "store/runs/*/*.csv"], use_report),
    "baseline": Subject(build_store, ["baseline.json"], use_baseline),
    "results": Subject(build_store, ["results.csv"], use_results),
    "data": Subject(
        build_data, [*8 * ["data/annotations/*.json"], "data/annotations/*/*", f"data/{SPLIT}/*"], use_data
    ),
    "checkpoint": Subject(build_checkpoints, ["*.pth", "*.pkl", "directory/*"], use_checkpoint),
    "evaluation": Subject(
        build_evaluation, ["weights.pth", "data/annotations/*.json", f"data/{SPLIT}/*"], use_evaluation
    ),
    "config": Subject(build_configs, ["tiny/panoptic.py"], use_config),
    "override": Subject(build_configs, ["site.toml"], use_override),
    "command-line": Subject(build_configs, [], use_command_line),
}
