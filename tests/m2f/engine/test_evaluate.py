"""Evaluations of a real training of the smallest scale."""

import json
import shutil

import pytest
import torch

from m2f.engine.evaluate import evaluate, last_checkpoint
from m2f.engine.hooks import read_history
from m2f.engine.train import train
from m2f.errors import InputError

EVERY_SEGMENT = {"model.panoptic": {"score": 0.0, "overlap": 0.0}}  # a model that has learned little finds some


@pytest.fixture(scope="module")
def trained(smoke, tmp_path_factory):
    """The directory of a run that is just long enough for a panoptic quality above zero."""
    directory = tmp_path_factory.mktemp("trained")
    lengths = {"train_cfg": {"max_iters": 40, "val_interval": 20}, "default_hooks.checkpoint.interval": 20}
    train(smoke(**EVERY_SEGMENT, **lengths, param_scheduler=[]), directory)
    return directory


def truth(config, *names):
    """Arguments of a metric: the ground truth of the config's own metrics."""
    return {name: metric[name] for metric in config.val_evaluator for name in names if name in metric}


def test_same_metrics_as_the_trainings_last_evaluation(smoke, trained, tmp_path):
    metrics = evaluate(smoke(**EVERY_SEGMENT), last_checkpoint(trained), tmp_path)
    first, last = (entry["metrics"] for entry in read_history(trained))
    assert metrics == last != first
    assert metrics["PQ"] > 0


def test_leaves_progress_and_timing_alone(smoke, trained, tmp_path):
    evaluate(smoke(), last_checkpoint(trained), tmp_path)
    progress = json.loads((tmp_path / "progress.json").read_text())
    assert (progress["phase"], progress["iteration"], progress["iterations"]) == ("evaluate", 2, 2)
    seconds = json.loads((tmp_path / "timing.json").read_text())["seconds"]
    assert seconds["total"] == seconds["evaluate"] > 0
    assert not any((tmp_path / name).exists() for name in ("history.json", "samples", "last_checkpoint"))


def test_data_to_train_on_need_not_be_there(smoke, trained, tmp_path):
    config = smoke(**{"train_dataloader.dataset.dataset.data_root": str(tmp_path / "nowhere")})
    assert evaluate(config, last_checkpoint(trained), tmp_path)


def test_attention_on_the_foreground(smoke, trained, tmp_path):
    config = smoke(**{"model.type": "AttentionInspector"})
    steps = ("LoadImage", "LoadSegmentMap", "SplitSegments", "PackSample")
    config.val_dataloader.dataset.pipeline = [{"type": f"m2f.{step}"} for step in steps]
    config.val_evaluator = [{"type": "m2f.AttentionMass"}]
    metrics = evaluate(config, last_checkpoint(trained), tmp_path / "one")
    assert set(metrics) == {f"{part}_{name}" for part in ("fg", "bg") for name in ("32", "16", "8", "avg")}
    for name in ("32", "16", "8", "avg"):
        assert 0 < metrics[f"fg_{name}"] < 1
        assert metrics[f"fg_{name}"] + metrics[f"bg_{name}"] == pytest.approx(1)
    assert evaluate(config, last_checkpoint(trained), tmp_path / "two") == metrics


def test_quality_of_the_last_layer_is_the_models(smoke, trained, tmp_path):
    config = smoke(**{"model.type": "LayerInspector"}, **EVERY_SEGMENT)
    config.val_evaluator = [
        {"type": "m2f.LayerPanopticQuality", **truth(config, "panoptic_json", "panoptic_directory")},
        {"type": "m2f.ProposalRecall", **truth(config, "instances_json")},
    ]
    metrics = evaluate(config, last_checkpoint(trained), tmp_path)
    assert set(metrics) == {f"{name}_layer{layer}" for name in ("PQ", "AR100") for layer in range(4)}
    assert metrics["PQ_layer3"] == read_history(trained)[-1]["metrics"]["PQ"] > 0
    assert metrics["AR100_layer3"] > 0


def test_class_counts_must_fit_the_data(smoke, trained, tmp_path):
    with pytest.raises(InputError, match="6 thing and 4 stuff classes"):
        evaluate(smoke(**{"model.num_things": 5}), last_checkpoint(trained), tmp_path)


def test_model_must_fit_the_checkpoint(smoke, trained, tmp_path):
    config = smoke(**{"model.transformer_decoder.num_layers": 4})
    with pytest.raises(InputError, match=r"iter_40\.pth cannot be loaded: .* transformer_decoder\.layers\.3"):
        evaluate(config, last_checkpoint(trained), tmp_path)


def test_damaged_checkpoint(smoke, trained, tmp_path):
    damaged = tmp_path / "iter_40.pth"
    damaged.write_bytes(last_checkpoint(trained).read_bytes()[:1000])
    with pytest.raises(InputError, match=r"iter_40\.pth cannot be read"):
        evaluate(smoke(), damaged, tmp_path)


def test_weights_that_are_no_numbers_are_refused_before_the_evaluation(smoke, trained, tmp_path):
    checkpoint = torch.load(last_checkpoint(trained), weights_only=False)
    checkpoint["state_dict"]["transformer_decoder.norm.weight"][0] = float("nan")
    torch.save(checkpoint, tmp_path / "nan.pth")
    with pytest.raises(InputError, match=r"nan\.pth cannot be loaded: transformer_decoder\.norm\.weight has numbers"):
        evaluate(smoke(), tmp_path / "nan.pth", tmp_path / "evaluation")
    assert not (tmp_path / "evaluation" / "progress.json").exists()


def test_missing_checkpoint(smoke, tmp_path):
    with pytest.raises(InputError, match=r"iter_40\.pth does not exist"):
        evaluate(smoke(), tmp_path / "iter_40.pth", tmp_path)


class TestLastCheckpoint:
    def test_is_that_of_the_last_iteration(self, trained):
        assert torch.load(last_checkpoint(trained), weights_only=False)["meta"]["iter"] == 40

    def test_is_found_in_a_directory_that_was_moved(self, trained, tmp_path):
        moved = shutil.copytree(trained, tmp_path / "moved")
        assert last_checkpoint(moved) == moved / last_checkpoint(trained).name

    @pytest.mark.parametrize("content", [None, ""])
    def test_is_the_newest_where_its_name_was_lost(self, content, trained, tmp_path):
        moved = shutil.copytree(trained, tmp_path / "moved")
        (moved / "last_checkpoint").unlink()
        if content is not None:
            (moved / "last_checkpoint").write_text(content)
        assert last_checkpoint(moved) == moved / "iter_40.pth"

    def test_that_is_not_there(self, trained, tmp_path):
        moved = shutil.copytree(trained, tmp_path / "moved")
        (moved / "iter_40.pth").unlink()
        with pytest.raises(InputError, match="has no checkpoint to evaluate; remove it and train again"):
            last_checkpoint(moved)
