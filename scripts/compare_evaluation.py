"""PQ and AP of `m2f eval` beside those of mmdet's own model and metrics with the same weights.

    python scripts/compare_evaluation.py ../shared/data/coco100 --side 320
    python scripts/compare_evaluation.py ../shared/data/coco100 --images 8 --iterations 300 --side 128 --model mini \
        --score 0.1 --overlap 0.3

The first compares R50 with random weights on all images of val2017; the second trains the small model on eight of them
before. Prints each metric, its difference in percent points, and the seconds of both sides.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from m2f.checkpoints import read_checkpoint
from m2f.data.annotations import load_annotations
from m2f.data.relocate import relocate
from m2f.engine.coco_evaluation import evaluate_on
from m2f.engine.evaluate import last_checkpoint
from m2f.engine.train import train
from m2f.peers.mmdet_evaluation import evaluate_with_mmdet
from m2f.registry import MODELS

CONFIGS = Path(__file__).parents[1] / "configs"
SPLIT = "val2017"
LONGER_SIDE = 5 / 3  # of the shorter one: 1333 to 800


def main() -> None:
    """Compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="a directory in COCO's layout")
    parser.add_argument("--model", choices=["paper", "mini"], default="paper")
    parser.add_argument("--images", type=int, default=100, help="the first so many of the split")
    parser.add_argument("--side", type=int, default=800, help="shorter side of the images")
    parser.add_argument("--iterations", type=int, default=0, help="of training on the same images, in batches of 4")
    parser.add_argument("--score", type=float, default=0.8, help="least class score of a segment")
    parser.add_argument("--overlap", type=float, default=0.8, help="least share of a segment that is left")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        compare(options, Path(directory))


def compare(options: argparse.Namespace, directory: Path) -> None:
    """Make the weights, evaluate on both sides, print."""
    data = first_images(options.data.absolute(), directory / "data", options.images)
    config = chosen_config(options, data)
    checkpoint = trained(config, directory / "run") if options.iterations else random_weights(config, directory)
    config_file = directory / "config.py"
    config.dump(config_file)
    started = time.perf_counter()
    theirs = evaluate_with_mmdet(config, read_checkpoint(checkpoint)[0], data, SPLIT)
    their_seconds = time.perf_counter() - started
    ours = evaluate_on(config_file, checkpoint, data, directory / "evaluation")
    print(f"{'':8}{'m2f':>12}{'mmdet':>12}{'difference':>12}")
    for name, value in theirs.items():
        own = ours.metrics.get(name)
        if own is not None:
            print(f"{name:8}{own:12.5f}{value:12.5f}{own - value:12.5f}")
    print(f"{'seconds':8}{ours.seconds:12.1f}{their_seconds:12.1f}")


def first_images(source: Path, root: Path, count: int) -> Path:
    """A data set of the first images of another; the files are linked."""
    (root / "annotations").mkdir(parents=True)
    for name in (SPLIT, f"annotations/panoptic_{SPLIT}"):
        (root / name).symlink_to(source / name)
    for kind in ("panoptic", "instances"):
        name = f"annotations/{kind}_{SPLIT}.json"
        content = load_annotations(source / name)
        content["images"] = sorted(content["images"], key=lambda image: image["id"])[:count]
        kept = {image["id"] for image in content["images"]}
        content["annotations"] = [entry for entry in content["annotations"] if entry["image_id"] in kept]
        (root / name).write_text(json.dumps(content))
    return root


def chosen_config(options: argparse.Namespace, data: Path) -> Config:
    """The paper's panoptic config with the chosen model, size of images and data."""
    config = Config.fromfile(CONFIGS / "paper" / "panoptic.py")
    small = Config.fromfile(CONFIGS / "mini" / "panoptic.py")
    if options.model == "mini":
        config.model = {**small.model, "num_things": config.model.num_things, "num_stuff": config.model.num_stuff}
    config.model.backbone.init_cfg = None
    config.model.panoptic = {"score": options.score, "overlap": options.overlap}
    config.val_evaluator[1].names = None  # all of AP's values under their own names
    config = relocate(config, data)
    resize = config.val_dataloader.dataset.pipeline[1]
    resize.scale = (int(options.side * LONGER_SIDE), options.side)
    config.val_dataloader.update(num_workers=0, persistent_workers=False)
    config.train_dataloader = {
        **config.train_dataloader,
        "batch_size": 4,
        "num_workers": 0,
        "persistent_workers": False,
        "dataset": {
            "type": "m2f.EndlessDraws",
            "seed": 0,
            "dataset": {**config.val_dataloader.dataset, "test_mode": False, "pipeline": training_steps(resize)},
        },
    }
    config.optim_wrapper = small.optim_wrapper
    config.optim_wrapper.optimizer.lr = 2e-3
    config.param_scheduler = []
    config.train_cfg.update(max_iters=options.iterations, val_interval=options.iterations)
    return config


def training_steps(resize: Any) -> list[Any]:
    """A pipeline without augmentation."""
    names = ["LoadImage", "LoadSegmentMap", None, "SplitSegments", "PackSample"]
    return [{"type": f"m2f.{name}"} if name else resize for name in names]


def trained(config: Config, directory: Path) -> Path:
    """The checkpoint of a training."""
    train(config, directory)
    return last_checkpoint(directory)


def random_weights(config: Config, directory: Path) -> Path:
    """A checkpoint of a model that has learned nothing."""
    init_default_scope("m2f")
    torch.manual_seed(0)
    model = MODELS.build(config.model)
    model.init_weights()
    torch.save({"state_dict": model.state_dict()}, directory / "random.pth")
    return directory / "random.pth"


if __name__ == "__main__":
    main()
