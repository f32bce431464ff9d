"""Whole conversions, between files."""

import json
import os
import pickle

import pytest
import torch
from mmengine.runner import load_checkpoint
from safetensors.torch import load_file

from m2f.checkpoints import convert, from_ours, read_checkpoint
from m2f.checkpoints.classes import read_classes
from m2f.errors import InputError
from m2f.registry import MODELS


@pytest.fixture(scope="module", params=["R50", "Swin-T"])
def model(request, architecture):
    return architecture(request.param, 7, queries=5, layers=(1, 1))


@pytest.fixture(scope="module")
def state(model, random_state):
    return random_state(model)


@pytest.fixture(scope="module")
def ours(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("ours") / "ours.pth"
    torch.save({"state_dict": state}, path)
    return path


def plain(config):
    """A config of transformers without what loading adds."""
    added = ("architectures", "dtype", "_name_or_path")
    values = {key: value for key, value in config.to_dict().items() if key not in added}
    inner = {key: value for key, value in values.pop("backbone_config").items() if key not in added}
    return values, inner


def test_to_transformers_and_back(ours, model, state, tmp_path, identical, transformers_model):
    transformers = pytest.importorskip("transformers")
    done = convert(ours, tmp_path / "there", target_format="transformers")
    assert (done.source, done.architecture, done.tensors) == ("m2f", model, len(state))
    loaded, report = transformers.Mask2FormerForUniversalSegmentation.from_pretrained(
        tmp_path / "there", output_loading_info=True
    )
    assert not any(report.values()), report
    assert plain(loaded.config) == plain(transformers_model(model).config)
    assert identical(loaded.state_dict(), from_ours(state, "transformers"))
    assert convert(tmp_path / "there", tmp_path / "back.pth").source == "transformers"
    assert identical(read_checkpoint(tmp_path / "back.pth")[0], state)


def test_what_transformers_saves_is_read(ours, model, state, tmp_path, identical, transformers_model):
    """In several files, under the names that both of us write."""
    theirs = transformers_model(model, data=True)
    theirs.load_state_dict(from_ours(state, "transformers"))
    theirs.save_pretrained(tmp_path / "saved", max_shard_size="40MB")
    assert (tmp_path / "saved" / "model.safetensors.index.json").exists()
    assert identical(read_checkpoint(tmp_path / "saved")[0], state)
    convert(ours, tmp_path / "there", target_format="transformers")
    names = {name for file in (tmp_path / "saved").glob("*.safetensors") for name in load_file(file)}
    assert load_file(tmp_path / "there" / "model.safetensors").keys() == names


def test_to_mmdet_and_back(ours, model, state, tmp_path, identical, mmdet_model):
    convert(ours, tmp_path / "there.pth", target_format="mmdet")
    theirs = mmdet_model(model, data=True)
    load_checkpoint(theirs, str(tmp_path / "there.pth"), map_location="cpu", strict=True)
    assert identical(dict(theirs.state_dict()), from_ours(state, "mmdet"))
    assert convert(tmp_path / "there.pth", tmp_path / "back.pth").source == "mmdet"
    built = MODELS.build(model.config)
    load_checkpoint(built, str(tmp_path / "back.pth"), map_location="cpu", strict=True)
    assert identical(dict(built.state_dict()), state)
    meta = torch.load(tmp_path / "back.pth", weights_only=True)["meta"]
    assert meta["converted_from"] == "mmdet"
    assert meta["model"] == f"Mask2Former with {model.backbone.name}, 7 classes and 5 queries"


def test_faults_are_listed_and_nothing_is_written(ours, model, state, tmp_path):
    broken = dict(state)
    broken["transformer_decoder.norm.weight"] = torch.zeros(3)
    broken["transformer_decoder.surprise"] = broken.pop("transformer_decoder.norm.bias")
    torch.save(broken, tmp_path / "broken.pth")
    for target, name in (("m2f", "new.pth"), ("transformers", "new")):
        with pytest.raises(InputError) as error:
            convert(tmp_path / "broken.pth", tmp_path / name, target_format=target)
        assert str(error.value) == (
            f"{tmp_path / 'broken.pth'} is no {model}, take one that is. "
            "Tensors: missing transformer_decoder.norm.bias; extra transformer_decoder.surprise; "
            "misshapen transformer_decoder.norm.weight [3] for [256]."
        )
    assert [path.name for path in tmp_path.iterdir()] == ["broken.pth"]


def test_names_of_classes_are_kept(state, tmp_path):
    names = tuple("abcdefg")
    torch.save({"state_dict": state, "meta": {"dataset_meta": {"classes": names}}}, tmp_path / "named.pth")
    for target in ("m2f", "mmdet"):
        convert(tmp_path / "named.pth", tmp_path / f"{target}.pth", target_format=target)
        assert read_classes(tmp_path / f"{target}.pth") == names
    convert(tmp_path / "named.pth", tmp_path / "there", target_format="transformers")
    config = json.loads((tmp_path / "there" / "config.json").read_text())
    assert tuple(config["id2label"].values()) == names
    assert read_classes(tmp_path / "there") == names
    convert(tmp_path / "there", tmp_path / "back.pth")
    assert read_classes(tmp_path / "back.pth") == names


def test_nothing_is_overwritten(ours, tmp_path):
    (tmp_path / "file.pth").write_text("mine")
    (tmp_path / "directory").mkdir()
    for target, name in (("m2f", "file.pth"), ("mmdet", "file.pth"), ("transformers", "directory")):
        with pytest.raises(InputError, match=f"{name} exists and is not overwritten"):
            convert(ours, tmp_path / name, target_format=target)
    assert (tmp_path / "file.pth").read_text() == "mine"
    assert not list((tmp_path / "directory").iterdir())


@pytest.mark.parametrize(
    ("name", "target", "message"),
    [
        ("nowhere/new.pth", "m2f", "is no directory"),
        ("new", "m2f", r"must end in \.pth"),
        ("new.safetensors", "mmdet", r"must end in \.pth"),
        ("new.pth", "detectron2", "can be written for m2f, mmdet, transformers, not for detectron2"),
    ],
)
def test_destinations_that_cannot_be(name, target, message, ours, tmp_path):
    with pytest.raises(InputError, match=message):
        convert(ours, tmp_path / name, target_format=target)
    assert not list(tmp_path.iterdir())


def test_a_failure_while_writing_leaves_nothing(ours, tmp_path, monkeypatch):
    def full(tensors, path, metadata):
        path.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr("m2f.checkpoints.conversion.save_file", full)
    with pytest.raises(InputError, match="there cannot be written: No space left on device"):
        convert(ours, tmp_path / "there", target_format="transformers")
    assert not list(tmp_path.iterdir())


def test_the_same_checkpoint_is_the_same_file(ours, tmp_path):
    for name in ("one.pth", "two.pth"):
        convert(ours, tmp_path / name)
    assert (tmp_path / "one.pth").read_bytes() == (tmp_path / "two.pth").read_bytes()


def test_a_pickle_that_carries_code_is_refused(tmp_path):
    class System:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'mark'}",)

    (tmp_path / "model.pkl").write_bytes(pickle.dumps({"model": {"sem_seg_head.x": System()}}))
    with pytest.raises(InputError, match=r"posix\.system"):
        convert(tmp_path / "model.pkl", tmp_path / "new.pth")
    assert [path.name for path in tmp_path.iterdir()] == ["model.pkl"]


# What published models have, in part or of others, that is called as a Mask2Former's or MaskFormer's.
OTHERS = {
    "official MaskFormer": {
        "backbone.stem.conv1.weight": (64, 3, 7, 7),
        "sem_seg_head.pixel_decoder.layer_1.weight": (256, 256, 3, 3),
        "sem_seg_head.predictor.transformer.decoder.layers.0.linear1.weight": (2048, 256),
        "sem_seg_head.predictor.query_embed.weight": (100, 256),
        "sem_seg_head.predictor.class_embed.bias": (151,),
        "criterion.empty_weight": (151,),
    },
    "mmdet's MaskFormer": {
        "panoptic_head.pixel_decoder.mask_feature.weight": (256, 256, 3, 3),
        "panoptic_head.transformer_decoder.layers.0.norms.0.weight": (256,),
        "panoptic_head.cls_embed.bias": (134,),
    },
    "a classifier": {"conv1.weight": (64, 3, 7, 7), "fc.bias": (1000,)},
    "another decoder": {"transformer_decoder.norm.weight": (256,), "pixel_decoder.layers.0.norms.0.weight": (256,)},
    "an endless decoder": {
        "pixel_decoder.layers.0.norms.0.weight": (256,),
        f"transformer_decoder.layers.{10**9}.norms.0.weight": (256,),
        f"transformer_decoder.layers.{5000 * '9'}.norms.0.weight": (256,),
    },
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_models_are_told_in_one_sentence(name, tmp_path):
    torch.save({"model": {each: torch.zeros(shape) for each, shape in OTHERS[name].items()}}, tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"other\.pth (is|holds) no (Mask2Former|MaskFormer with R50)") as error:
        convert(tmp_path / "other.pth", tmp_path / "new.pth")
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["other.pth"]


@pytest.mark.parametrize(
    ("gone", "first"),
    [
        (
            "transformer_decoder.layers.0.",
            "missing transformer_decoder.layers.0.cross_attention.attention.query.weight",
        ),
        ("backbone.", "missing backbone."),
    ],
)
def test_parts_that_are_missing_in_the_middle(gone, first, architecture, random_state, tmp_path):
    whole = random_state(architecture("R50", 7, queries=5, layers=(1, 2)))
    torch.save({name: tensor for name, tensor in whole.items() if not name.startswith(gone)}, tmp_path / "part.pth")
    with pytest.raises(InputError, match=rf"part\.pth is no Mask2Former with R50, .* Tensors: {first}"):
        convert(tmp_path / "part.pth", tmp_path / "new.pth")


def test_numbers_that_are_none(state, tmp_path):
    broken = {**state, "transformer_decoder.norm.bias": torch.full((256,), float("nan"))}
    torch.save(broken, tmp_path / "broken.pth")
    with pytest.raises(
        InputError, match=r"broken\.pth cannot be converted: transformer_decoder\.norm\.bias has numbers"
    ):
        convert(tmp_path / "broken.pth", tmp_path / "new.pth")
    assert [path.name for path in tmp_path.iterdir()] == ["broken.pth"]
