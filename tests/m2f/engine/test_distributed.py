"""Trainings and evaluations by two processes under torchrun, over gloo on the CPU, against those of one."""

import copy
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope

from m2f.engine.evaluate import evaluate, last_checkpoint
from m2f.engine.hooks import read_history
from m2f.models import criterion
from m2f.models.targets import pad_masks
from m2f.registry import DATASETS, MODELS

RUNS = Path(__file__).with_name("distributed_runs.py")
EVERY_SEGMENT = {"model.panoptic": {"score": 0.0, "overlap": 0.0}}
SEED = 5
ITERATIONS = 4
BATCH = 4
WITHOUT_MASKS = (0, 2, 5)  # draws: the first half of the first batch, and an image in the second half of the second
STATES = ("unbroken.pth", "iter_4.pth")


@dataclass
class Runs:
    """What two processes left, see ``distributed_runs.py``.

    Attributes:
        directory: of all runs.
        training: the config of the training.
        evaluations: configs by name.
        given: what either process was given back.
    """

    directory: Path
    training: Config
    evaluations: dict[str, Config]
    given: list[dict[str, Any]]


@pytest.fixture(scope="module")
def runs(smoke, trained, tmp_path_factory) -> Runs:
    directory = tmp_path_factory.mktemp("runs")
    (directory / "trained.pth").symlink_to(last_checkpoint(trained))
    config = training(smoke, directory / "untrained.pth")
    evaluations = evaluations_of(smoke)
    write(config, directory / "training.py")
    for name, evaluation in evaluations.items():
        write(evaluation, directory / f"{name}.py")
    config.train_dataloader.batch_size = 5
    write(config, directory / "odd.py")
    config.train_dataloader.batch_size = BATCH
    (directory / "alone").mkdir()
    (directory / "alone" / "iter_40.pth").symlink_to(last_checkpoint(trained))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", RUNS, directory]
    with (directory / "log").open("w") as log:
        ended = subprocess.run([*command, *evaluations], stdout=log, stderr=log, timeout=600)
    assert ended.returncode == 0, (directory / "log").read_text()[-10000:]
    given = [json.loads((directory / f"given{rank}.json").read_text()) for rank in (0, 1)]
    return Runs(directory, config, evaluations, given)


def write(config, path):
    """Laying a config out nicely would take a second."""
    Config(config.to_dict(), format_python_code=False).dump(path)


def training(smoke, weights):
    """A training from these new weights, some of its images without any mask."""
    init_default_scope("m2f")
    torch.manual_seed(SEED)
    torch.save({"state_dict": MODELS.build(smoke().model).state_dict()}, weights)
    config = smoke(**EVERY_SEGMENT, seed=SEED, load_from=str(weights), param_scheduler=[])
    config.merge_from_dict({"train_cfg.max_iters": ITERATIONS, "val_dataloader.dataset.indices": 3})
    config.train_dataloader.dataset.seed = SEED
    dataset = config.train_dataloader.dataset.dataset
    content = json.loads(Path(dataset.data_root, dataset.ann_file).read_text())
    order = np.random.default_rng([SEED, 0]).permutation(len(content["images"]))
    emptied = {content["images"][order[draw]]["id"] for draw in WITHOUT_MASKS}
    for annotation in content["annotations"]:
        for segment in annotation["segments_info"] if annotation["image_id"] in emptied else []:
            segment["iscrowd"] = 1
    dataset.ann_file = dataset.ann_file.replace(".json", "_some_without_masks.json")
    Path(dataset.data_root, dataset.ann_file).write_text(json.dumps(content))
    return config


def evaluations_of(smoke):
    """Evaluations of all kinds, of numbers of images that two processes can share equally or not."""

    def few(task, images, batch_size, **overrides):
        sizes = {"val_dataloader.dataset.indices": images, "val_dataloader.batch_size": batch_size}
        return smoke(task, **sizes, **EVERY_SEGMENT, **overrides)

    truth = {}
    for metric in smoke().val_evaluator:
        truth |= {name: path for name, path in metric.items() if name.startswith(("panoptic", "instances"))}
    layers = few("panoptic", 5, 2, **{"model.type": "LayerInspector"})
    layers.val_evaluator = [
        {"type": "m2f.LayerPanopticQuality"} | {name: truth[name] for name in ("panoptic_json", "panoptic_directory")},
        {"type": "m2f.ProposalRecall", "instances_json": truth["instances_json"]},
    ]
    attention = few("panoptic", 5, 2, **{"model.type": "AttentionInspector"})
    steps = ("LoadImage", "LoadSegmentMap", "SplitSegments", "PackSample")
    attention.val_dataloader.dataset.pipeline = [{"type": f"m2f.{step}"} for step in steps]
    attention.val_evaluator = [{"type": "m2f.AttentionMass"}]
    instances = few("panoptic", 5, 1, **{"model.task": "instance"})
    instances.val_evaluator = [{"type": "m2f.InstanceAP", "instances_json": truth["instances_json"]}]
    return {
        "even": few("panoptic", 8, 2),
        "uneven": few("panoptic", 7, 3),  # three batches, the last of one image
        "one_image": few("panoptic", 1, 4),
        "instances": instances,
        "classes": few("semantic", 5, 2),
        "layers": layers,
        "attention": attention,
    }


def loss_of_half(model, half, mask_count):
    """The criterion's loss of one process, where ``mask_count`` is what all of them have on average."""
    data = model.data_preprocessor(pseudo_collate(half), training=True)
    labels = [sample.gt_instances.labels for sample in data["data_samples"]]
    masks = [pad_masks(sample.gt_instances.masks, data["inputs"].shape[-2:]) for sample in data["data_samples"]]
    output = model.decode(data["inputs"], all_layers=True)
    generator = torch.get_rng_state()
    matches = model.criterion.match(output.class_logits, output.masks, labels, masks)
    logits, expected = model.criterion.matched(output.masks, matches, masks)
    by_reference = loss_by_reference(output.class_logits, labels, matches, logits, expected, mask_count)
    torch.set_rng_state(generator)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(criterion, "mask_count", lambda targets: mask_count)
        loss = model.criterion(output.class_logits, output.masks, labels, masks)["loss"]
    torch.testing.assert_close(loss, by_reference, rtol=1e-6, atol=0)
    return loss


def loss_by_reference(class_logits, labels, matches, logits, expected, mask_count):
    """Class errors as a weighted mean of the half's own, mask errors of the pairs ``[M, P]`` divided by the count."""
    classes = class_logits.shape[-1]
    weight = torch.tensor([1.0] * (classes - 1) + [0.1])
    loss = torch.zeros(())
    for layer, predicted in enumerate(class_logits):
        truth = torch.full(predicted.shape[:2], classes - 1)
        own = matches.layer == layer
        for image, query, target in zip(matches.image[own], matches.query[own], matches.target[own], strict=True):
            truth[image, query] = labels[image][target]
        loss = loss + 2 * F.cross_entropy(predicted.flatten(0, 1), truth.flatten(), weight)
    for row, mask in zip(logits, expected, strict=True):
        found = row.sigmoid()
        dice = 1 - (2 * (found * mask).sum() + 1) / (found.sum() + mask.sum() + 1)
        loss = loss + 5 * (F.binary_cross_entropy_with_logits(row, mask) + dice) / mask_count
    return loss.detach()


def trained_in_halves(config):
    """The weights of one process that takes both halves of every batch in turn, and each half's number of masks."""
    dataset = DATASETS.build(config.train_dataloader.dataset)
    model = MODELS.build(config.model).train()
    model.load_state_dict(torch.load(config.load_from)["state_dict"])
    optimizer = build_optim_wrapper(model, config.optim_wrapper).optimizer
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    counts = []
    for iteration in range(ITERATIONS):
        draws = range(iteration * BATCH, (iteration + 1) * BATCH)
        halves = [[dataset[draw] for draw in draws[rank::2]] for rank in (0, 1)]
        counts.append([sum(len(image["data_samples"].gt_instances.labels) for image in half) for half in halves])
        replicas = [copy.deepcopy(model) for _ in halves]
        for rank, (replica, half) in enumerate(zip(replicas, halves, strict=True)):
            entropy = np.random.SeedSequence([SEED, iteration, rank])
            torch.manual_seed(int(entropy.generate_state(1)[0]))
            loss_of_half(replica, half, sum(counts[-1]) / 2).backward()
        for parameter, *both in zip(model.parameters(), *(replica.parameters() for replica in replicas), strict=True):
            parameter.grad = sum(torch.zeros_like(one) if one.grad is None else one.grad for one in both) / 2
        for statistic, *both in zip(model.buffers(), *(replica.buffers() for replica in replicas), strict=True):
            statistic.copy_(sum(both) / 2)
        torch.nn.utils.clip_grad_norm_(parameters, 0.01)
        optimizer.step()
    return model.state_dict(), counts


def weights(runs, name):
    return torch.load(runs.directory / "run" / name, weights_only=False)["state_dict"]


def test_two_processes_train_to_the_weights_of_one_that_averages_their_gradients(runs):
    expected, counts = trained_in_halves(runs.training)
    assert counts[0][0] == 0 < counts[0][1]  # the first half of the first batch has no masks
    assert all(first != second for first, second in counts)
    trained = weights(runs, "unbroken.pth")
    assert set(trained) == set(expected)
    for name, values in expected.items():
        torch.testing.assert_close(trained[name], values, rtol=1e-6, atol=1e-9, msg=name)


def test_a_training_by_two_resumes_to_the_weights_of_an_unbroken_one(runs):
    unbroken, resumed = (weights(runs, name) for name in STATES)
    assert all(torch.equal(unbroken[name], resumed[name]) for name in unbroken)
    for given in runs.given:
        assert given["resumed"] == given["metrics"] == read_history(runs.directory / "run")[-1]["metrics"]
    assert [entry["iteration"] for entry in read_history(runs.directory / "run")] == [2, 4]


def test_an_evaluation_by_two_gives_exactly_the_metrics_of_one(runs, tmp_path):
    for name, config in runs.evaluations.items():
        alone = evaluate(config, runs.directory / "trained.pth", tmp_path / name)
        assert alone
        for given in runs.given:
            assert given[name] == alone, name
    assert runs.given[0]["even"]["PQ"] > 0
    assert runs.given[0]["instances"]["AP"] > 0
    assert runs.given[0]["layers"]["AR100_layer3"] > 0


def test_one_process_writes_the_files(runs):
    left = runs.directory / "run"
    assert len(list(left.glob("*/*.log"))) == 2  # of the training and of its resumption
    assert sorted(path.name for path in (left / "samples").glob("*_truth.png")) == [f"{i}_truth.png" for i in (1, 2, 3)]
    assert json.loads((left / "progress.json").read_text())["iteration"] == ITERATIONS
    assert not list(runs.directory.glob("*/.*"))


def test_a_loss_that_diverges_in_one_process_ends_both(runs):
    for given in runs.given:
        assert given["diverging"] == ["DivergenceError", "the loss became inf at iteration 2 of 4"]
    assert not list((runs.directory / "diverging").glob("*.pth"))


def test_a_batch_must_be_shared_equally(runs):
    for given in runs.given:
        kind, sentence = given["odd"]
        assert kind == "InputError"
        assert "train_dataloader.batch_size is 5, which 2 processes cannot share equally" in sentence


def test_a_training_by_one_does_not_go_on_in_two(runs):
    for given in runs.given:
        kind, sentence = given["other"]
        assert kind == "InputError"
        assert "holds a training by 1 process, and 2 cannot go on with it; start 1, or remove" in sentence
