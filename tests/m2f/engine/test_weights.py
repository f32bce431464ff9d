"""Trainings that go on with other configs, and trainings that begin from weights."""

import os
import shutil

import pytest
import torch
from mmengine.runner import CheckpointLoader

from m2f.checkpoints import convert, from_ours
from m2f.engine.evaluate import evaluate, last_checkpoint
from m2f.engine.train import DivergenceError, train
from m2f.engine.weights import are_others
from m2f.errors import InputError

PREDICTOR = ("transformer_decoder.classifier.weight", "transformer_decoder.classifier.bias")
QUERIES = "model.transformer_decoder.queries.num_queries"
STILL = {"optim_wrapper.optimizer.lr": 0.0, "train_cfg.max_iters": 2}  # so that the weights end as they began


@pytest.fixture(scope="module")
def trained(smoke, tmp_path_factory):
    """The directory of a training of 2 iterations."""
    directory = tmp_path_factory.mktemp("trained")
    train(smoke(**{"train_cfg.max_iters": 2}), directory)
    return directory


@pytest.fixture(scope="module")
def weights(trained):
    return torch.load(trained / "iter_2.pth", weights_only=False)["state_dict"]


def began_with(directory):
    """The weights of a training that learnt nothing, without statistics of what it saw."""
    state = torch.load(directory / "iter_2.pth", weights_only=False)["state_dict"]
    return {name: each for name, each in state.items() if "running" not in name and "batches" not in name}


class Harmful:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        ({QUERIES: 12}, r"misshapen transformer_decoder\.queries\.features\.weight \[30, 64\] for \[12, 64\]"),
        ({"model.transformer_decoder.num_layers": 4}, r"missing transformer_decoder\.layers\.3\."),
        ({"model.transformer_decoder.num_layers": 2}, r"extra transformer_decoder\.layers\.2\."),
    ],
)
def test_another_model_does_not_go_on(overrides, named, smoke, trained, tmp_path):
    work_dir = shutil.copytree(trained, tmp_path / "run")
    before = {path: path.read_bytes() for path in work_dir.glob("*.*")}
    with pytest.raises(InputError) as error:
        train(smoke(**overrides), work_dir)
    sentence = rf"{work_dir}/iter_2\.pth cannot be gone on from with this config, whose model is another \({named}"
    assert error.match(sentence) and error.match("; set the config back to .* or name another work directory to begin")
    assert {path: path.read_bytes() for path in before} == before


def test_another_optimizer_does_not_go_on(smoke, trained, tmp_path):
    work_dir = shutil.copytree(trained, tmp_path / "run")
    config = smoke()
    config.optim_wrapper.optimizer = {"type": "SGD", "lr": 0.1}
    with pytest.raises(
        InputError, match=r"iter_2\.pth cannot be gone on from .* whose optimizer is another; set optim_w"
    ):
        train(config, work_dir)


def test_a_training_that_had_diverged_says_so(smoke, trained, tmp_path):
    work_dir = shutil.copytree(trained, tmp_path / "run")
    checkpoint = torch.load(work_dir / "iter_2.pth", weights_only=False)
    checkpoint["state_dict"]["transformer_decoder.norm.bias"][0] = float("inf")
    torch.save(checkpoint, work_dir / "iter_2.pth")
    with pytest.raises(
        DivergenceError, match=r"iter_2\.pth are no finite numbers any more, first transformer_decoder\.n"
    ):
        train(smoke(), work_dir)


@pytest.mark.parametrize("form", ["training", "mmdet", "pickle"])
def test_whatever_convert_reads_is_begun_from(form, smoke, trained, weights, tmp_path, capfd):
    path = trained / "iter_2.pth"
    if form != "training":
        path = tmp_path / "weights.pth"
        torch.save({"state_dict": from_ours(weights, "mmdet") if form == "mmdet" else weights}, path)
    train(smoke(**STILL, load_from=str(path), seed=5), tmp_path / "run")
    began = began_with(tmp_path / "run")
    assert all(torch.equal(each, weights[name]) for name, each in began.items())
    printed = capfd.readouterr().out
    assert f"Beginning from {path}: {len(weights)} of the model's {len(weights)} tensors are taken over." in printed
    assert "New, at" not in printed and "Left unused" not in printed


def test_with_other_classes_and_queries_the_rest_is_taken_over(smoke, weights, tmp_path, capfd):
    """The file is of a model with 7 classes and a further layer."""
    other = dict(weights) | {"transformer_decoder.surprise": torch.zeros(1)}
    other |= {PREDICTOR[0]: torch.zeros(8, 64), PREDICTOR[1]: torch.zeros(8)}
    torch.save(other, tmp_path / "other.pth")
    train(smoke(**STILL, load_from=str(tmp_path / "other.pth"), seed=5), tmp_path / "run")
    began = began_with(tmp_path / "run")
    differing = {name for name, each in began.items() if not torch.equal(each, weights[name])}
    assert differing == {*PREDICTOR} and began[PREDICTOR[0]].abs().sum() > 0
    printed = capfd.readouterr().out
    assert (
        "New, at their random initialisation: transformer_decoder.classifier.weight ([8, 64] in the file, [11, 64] in"
        in (printed)
    )
    assert "Left unused, having no place in the model: transformer_decoder.surprise." in printed


def test_weights_of_which_hardly_anything_fits_are_refused(smoke, weights, tmp_path):
    other = {name: each for name, each in weights.items() if not name.startswith("transformer_decoder.")}
    torch.save({**other, PREDICTOR[1]: weights[PREDICTOR[1]]}, tmp_path / "part.pth")
    with pytest.raises(
        InputError, match=r"part\.pth, and nothing of its transformer decoder fits this config's model; na"
    ):
        train(smoke(load_from=str(tmp_path / "part.pth")), tmp_path / "run")


def test_numbers_that_are_none_are_not_begun_from(smoke, weights, tmp_path):
    torch.save(
        {**weights, "mask": 1} | {"transformer_decoder.norm.bias": torch.full((64,), float("nan"))}, tmp_path / "a.pth"
    )
    with pytest.raises(InputError, match=r"a\.pth holds mask, which is no tensor"):
        train(smoke(load_from=str(tmp_path / "a.pth")), tmp_path / "run")
    torch.save({**weights, "transformer_decoder.norm.bias": torch.full((64,), float("nan"))}, tmp_path / "b.pth")
    with pytest.raises(
        InputError, match=r"b\.pth, which cannot be begun from: transformer_decoder\.norm\.bias has numbers"
    ):
        train(smoke(load_from=str(tmp_path / "b.pth")), tmp_path / "run")


@pytest.mark.parametrize("key", ["load_from", "model.backbone.init_cfg"])
def test_what_weights_bring_is_not_run(key, smoke, weights, tmp_path):
    path, mark = tmp_path / "weights.pth", tmp_path / "ran"
    torch.save({"state_dict": {**weights, "extra": Harmful(mark)}}, path)
    value = str(path) if key == "load_from" else {"type": "Pretrained", "checkpoint": str(path)}
    with pytest.raises(
        InputError, match=r"weights\.pth cannot be read as tensors alone, .* it names posix\.mkdir, which"
    ):
        train(smoke(**{key: value}), tmp_path / "run")
    assert not mark.exists()
    torch.load(path, weights_only=False)
    assert mark.exists()


def test_nor_by_any_other_load_of_mmengines(tmp_path):
    torch.save({"a": Harmful(tmp_path / "ran")}, tmp_path / "weights.pth")
    with pytest.raises(InputError, match="may run anything"):
        CheckpointLoader.load_checkpoint(str(tmp_path / "weights.pth"))
    assert not (tmp_path / "ran").exists()


def test_a_pretrained_backbone_is_taken_over(smoke, weights, tmp_path):
    backbone = {name.removeprefix("backbone."): each for name, each in weights.items() if name.startswith("backbone.")}
    torch.save(backbone, tmp_path / "backbone.pth")
    init = {"type": "Pretrained", "checkpoint": str(tmp_path / "backbone.pth")}
    train(smoke(**STILL, **{"model.backbone.init_cfg": init}, seed=5), tmp_path / "run")
    began = began_with(tmp_path / "run")
    assert torch.equal(began["backbone.conv1.weight"], weights["backbone.conv1.weight"])
    assert not torch.equal(began["pixel_decoder.level_embedding"], weights["pixel_decoder.level_embedding"])


def test_what_a_training_began_from_plays_no_part_in_an_evaluation(smoke, trained, weights, tmp_path):
    """mmengine would load it over the checkpoint."""
    torch.save({name: torch.zeros_like(each) for name, each in weights.items()}, tmp_path / "zeros.pth")
    plain = evaluate(smoke(), last_checkpoint(trained), tmp_path / "plain")
    config = smoke(load_from=str(tmp_path / "zeros.pth"), resume=True)
    assert evaluate(config, last_checkpoint(trained), tmp_path / "begun") == plain


def test_a_converted_model_is_begun_from_as_it_is(tmp_path, weights):
    """``convert`` is for the paper's models alone; a smaller one's weights are begun from without it."""
    torch.save({"state_dict": weights}, tmp_path / "weights.pth")
    with pytest.raises(InputError, match="is no Mask2Former with"):
        convert(tmp_path / "weights.pth", tmp_path / "new.pth")


def renamed(path, change):
    """A checkpoint whose classes are called otherwise."""
    content = torch.load(path, weights_only=False)
    content["meta"]["dataset_meta"]["classes"] = change(tuple(content["meta"]["dataset_meta"]["classes"]))
    torch.save(content, path)


def swapped(names):
    return (names[1], names[0], *names[2:])


def test_a_training_does_not_go_on_with_classes_in_another_order(smoke, trained, tmp_path):
    work_dir = shutil.copytree(trained, tmp_path / "run")
    renamed(work_dir / "iter_2.pth", swapped)
    with pytest.raises(InputError, match=r"Class 0 is 'square' in .*iter_2\.pth, but 'disk' in the training data"):
        train(smoke(**{"train_cfg.max_iters": 4}), work_dir)


@pytest.mark.parametrize(
    ("theirs", "others"),
    [
        (("road", "bed", "sky", "car"), False),
        (("road, route", "bed ", "sky", "car"), False),
        (("road, route", "bed ", "the sky", "car"), True),
        (("bed", "road", "sky", "car"), True),
        (("road", "sky", "bunk", "car"), True),
        (("road", "bed", "sky"), True),
    ],
)
def test_names_that_are_spelled_otherwise_are_no_other_classes(theirs, others):
    assert are_others(theirs, ("road", "bed", "sky", "car")) is others


def test_the_predictor_of_other_classes_is_new(smoke, trained, weights, tmp_path, capfd):
    path = shutil.copy(trained / "iter_2.pth", tmp_path / "weights.pth")
    for change, taken in ((swapped, False), (tuple, True)):
        renamed(path, change if change is swapped else swapped)  # there, and back again
        work_dir = tmp_path / change.__name__
        config = smoke(**STILL)
        config.load_from = str(path)
        train(config, work_dir)
        began = began_with(work_dir)
        assert [torch.equal(began[name], weights[name]) for name in PREDICTOR] == [taken] * 2
        assert torch.equal(
            began["transformer_decoder.queries.features.weight"], weights["transformer_decoder.queries.features.weight"]
        )
        said = "are others than the data's, by name or order: their predictor is new" in "".join(capfd.readouterr())
        assert said is not taken
