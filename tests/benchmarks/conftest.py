"""What the benchmarks share: the paper's R50 model and mmdet's with the same weights, on a 512 x 512 image.

`make benchmark` runs them. Each group of its table is one work: ours beside a peer where there is one, in milliseconds
or seconds of this machine; the ratio of two rows is what travels. Without peers a row shows what a design costs.
"""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData

from m2f.data.scenes import SceneSpec, ensure_scenes
from m2f.peers import mmdet_peer
from m2f.timing.evaluation import instance_pairs, panoptic_pairs
from m2f.timing.inputs import build_ours, random_inputs

CONFIG = Path(__file__).parents[2] / "configs/paper/panoptic.py"
SIZE = 512
SCENES = 20


@pytest.fixture(scope="session")
def models():
    """``ours`` and ``theirs``, mmdet's detector, of one architecture and with the same weights."""
    config = Config.fromfile(CONFIG).model.to_dict()
    ours = build_ours(config, torch.device("cpu"))
    return SimpleNamespace(ours=ours, theirs=mmdet_peer(config, ours).detector)


@pytest.fixture(scope="session")
def predictions(models):
    """All 10 predictions of 100 queries for an image with 12 segments, and the segments.

    ``class_logits [10, 1, 100, 134]``, ``embeddings [10, 1, 100, 256]``, ``features [1, 256, 128, 128]``, those of the
    ``backbone``, and ``labels`` and ``masks`` as the criterion takes them; ``instances`` and ``metas`` are the same for
    mmdet's head.
    """
    inputs = random_inputs((SIZE, SIZE), 1, sum(models.ours.is_thing), torch.device("cpu"))
    with torch.no_grad():
        output = models.ours.decode(inputs.images, all_layers=True)
        backbone = models.ours.backbone(inputs.images)
    return SimpleNamespace(
        class_logits=output.class_logits,
        embeddings=output.masks.embeddings,
        features=output.masks.features,
        backbone=[level.contiguous() for level in backbone],
        labels=inputs.labels,
        masks=inputs.masks,
        instances=[
            InstanceData(labels=labels, masks=masks.long())
            for labels, masks in zip(inputs.labels, inputs.masks, strict=True)
        ],
        metas=[{"img_shape": (SIZE, SIZE), "batch_input_shape": (SIZE, SIZE)}],
    )


@pytest.fixture(scope="session")
def evaluation_pairs(tmp_path_factory):
    """Works of PQ and AP on generated scenes, ours and the peer's, by the work's and the peer's name."""
    root = tmp_path_factory.mktemp("benchmark") / "scenes"
    ensure_scenes(SceneSpec(560, {"val2017": SCENES}), root, workers=1)
    rng = np.random.default_rng(0)
    return {(pair.work, pair.peer): pair for pair in (*panoptic_pairs(root, rng), *instance_pairs(root, 100, rng))}


@pytest.fixture
def timed(benchmark):
    """Time a function under the name of its group: once to warm up, then a few rounds."""

    def run(group, function, rounds=5):
        benchmark.group = group
        benchmark.pedantic(function, rounds=rounds, warmup_rounds=1)

    return run
