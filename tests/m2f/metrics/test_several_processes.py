import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from m2f.metrics import PanopticMeanIoU, PanopticQuality

IMAGES = 5
PROCESSES = 2

# Each process evaluates every second image; the one with fewer gets the first image again, as samplers pad.
WORKER = """
import json, sys
import torch.distributed
from m2f.metrics import PanopticMeanIoU, PanopticQuality
rank, arguments, meta = int(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3])
torch.distributed.init_process_group("gloo", init_method=f"file://{sys.argv[4]}", rank=rank, world_size=2)
metrics = {}
for metric in (PanopticQuality(**arguments), PanopticMeanIoU(**arguments)):
    metric.dataset_meta = meta
    for sample in torch.load(sys.argv[5])[rank]:
        metric.process(None, [sample])
    metrics |= metric.evaluate(5)
print(json.dumps(metrics))
# A process that ends while its peer still talks to it takes threads of gloo down with it: leave together.
torch.distributed.barrier()
torch.distributed.destroy_process_group()
"""


def sample(image_id, segment_ids):
    labels = torch.from_numpy(segment_ids.astype(np.int64))[None]
    return {
        "img_id": image_id,
        "pred_panoptic_seg": {"data": labels.int() + 1},
        "segments_info": [{"id": int(label) + 1, "label": int(label)} for label in labels.unique()],
        "pred_sem_seg": {"data": labels},
    }


def test_every_image_counts_once(tmp_path, panoptic_truth, dataset_meta):
    rng = np.random.default_rng(0)
    maps = [rng.integers(0, 4, (4, 4)).repeat(4, axis=0).repeat(4, axis=1) for _ in range(IMAGES)]
    segments = [{"id": label + 1, "category_id": category} for label, category in enumerate([3, 7, 20, 21])]
    truth = [(ids + 1, [part for part in segments if part["id"] in ids + 1]) for ids in maps]
    arguments = panoptic_truth(tmp_path, truth)
    # The first image is predicted worst, so counting it twice lowers mIoU_pan.
    samples = [sample(i, (ids + 1) % 4 if i == 1 else np.roll(ids, 1)) for i, ids in enumerate(maps, start=1)]
    expected = {}
    for metric in (PanopticQuality(**arguments), PanopticMeanIoU(**arguments)):
        metric.dataset_meta = dataset_meta
        metric.process(None, samples)
        expected |= metric.evaluate(IMAGES)
    metric.process(None, [*samples, samples[0]])
    assert metric.evaluate(IMAGES + 1)["mIoU_pan"] < expected["mIoU_pan"] - 1

    torch.save([samples[0::2], [*samples[1::2], samples[0]]], tmp_path / "samples.pt")
    command = [sys.executable, "-c", WORKER]
    rest = [json.dumps(arguments), json.dumps(dataset_meta), str(tmp_path / "meet"), str(tmp_path / "samples.pt")]
    workers = [
        subprocess.Popen([*command, str(rank), *rest], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
        for rank in range(PROCESSES)
    ]
    outputs = [worker.communicate(timeout=120)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    for output in outputs:
        assert json.loads(output) == pytest.approx(expected)
