import json
import os
import pickle

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from safetensors.torch import save_file

from m2f.checkpoints import from_ours, read_checkpoint
from m2f.errors import InputError

OURS = {
    "transformer_decoder.norm.weight": torch.arange(4.0),
    "transformer_decoder.classifier.bias": torch.arange(3.0),
    "backbone.conv1.weight": torch.arange(6.0).view(1, 6, 1, 1),
}
OFFICIAL = {
    "sem_seg_head.predictor.decoder_norm.weight": OURS["transformer_decoder.norm.weight"],
    "sem_seg_head.predictor.class_embed.bias": OURS["transformer_decoder.classifier.bias"],
    "backbone.stem.conv1.weight": OURS["backbone.conv1.weight"],
    "criterion.empty_weight": torch.tensor([1.0, 1.0, 0.1]),
}


class System:
    """Pickles to a call that would leave a mark."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


def transformers_directory(path, state, model_type="mask2former"):
    path.mkdir()
    (path / "config.json").write_text(json.dumps({"model_type": model_type}))
    save_file(state, path / "model.safetensors")
    return path


def saved(path, content):
    torch.save(content, path)
    return path


def test_a_pickle_of_the_official_code(tmp_path, identical):
    arrays = {name: tensor.numpy() for name, tensor in OFFICIAL.items()}
    (tmp_path / "model.pkl").write_bytes(pickle.dumps({"model": arrays, "__author__": "somebody"}))
    state, source = read_checkpoint(tmp_path / "model.pkl")
    assert source == "detectron2"
    assert identical(state, OURS)


def test_a_training_of_the_official_code(tmp_path, identical):
    path = saved(tmp_path / "model_0001.pth", {"model": OFFICIAL, "optimizer": {"state": {}}, "iteration": 1})
    state, source = read_checkpoint(path)
    assert source == "detectron2"
    assert identical(state, OURS)


def test_a_file_of_mmdets(tmp_path, identical):
    state = {"meta": {"dataset_meta": {"classes": ("a",)}}, "state_dict": from_ours(OURS, "mmdet")}
    state, source = read_checkpoint(saved(tmp_path / "model.pth", state))
    assert source == "mmdet"
    assert identical(state, OURS)


def test_a_directory_of_transformers(tmp_path, identical):
    state, source = read_checkpoint(transformers_directory(tmp_path / "model", from_ours(OURS, "transformers")))
    assert source == "transformers"
    assert identical(state, OURS)


def test_a_directory_of_several_files(tmp_path, identical):
    theirs = from_ours(OURS, "transformers")
    path = transformers_directory(tmp_path / "model", {})
    files = {name: f"model-{index}.safetensors" for index, name in enumerate(theirs)}
    for name, file in files.items():
        save_file({name: theirs[name]}, path / file)
    (path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": files}))
    assert identical(read_checkpoint(path)[0], OURS)


@pytest.mark.parametrize("file", ["../model.safetensors", "/etc/passwd", 3, ["model.safetensors"]])
def test_an_index_names_files_beside_itself_alone(file, tmp_path):
    path = transformers_directory(tmp_path / "model", {})
    (path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": file}}))
    with pytest.raises(InputError, match="must name files beside itself"):
        read_checkpoint(path)


@pytest.mark.parametrize("content", [OURS, {"state_dict": OURS, "meta": {}}, {"model": OURS}])
def test_our_own(content, tmp_path, identical):
    state, source = read_checkpoint(saved(tmp_path / "model.pt", content))
    assert source == "m2f"
    assert identical(state, OURS)


def test_a_training_with_mmengine(tmp_path, identical):
    """Its log brings numpy numbers, and histories that name their own methods."""
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    log = {"log_scalars": {"loss": history}, "runtime_info": {"number": np.float64(0.5), "array": np.arange(3)}}
    content = {"meta": {"seed": np.int64(1)}, "state_dict": OURS, "message_hub": log, "optimizer": {"lr": 0.1}}
    path = saved(tmp_path / "iter_2.pth", content)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=True)
    assert identical(read_checkpoint(path)[0], OURS)
    with pytest.raises(pickle.UnpicklingError):  # what was admitted is admitted no more
        torch.load(path, weights_only=True)


@pytest.mark.parametrize("name", ["model.pth", "model.pt", "model.pkl"])
def test_code_is_refused(name, tmp_path):
    mark, path = tmp_path / "mark", tmp_path / name
    content = {"state_dict": {**OURS, "transformer_decoder.norm.bias": System(mark)}}
    if path.suffix == ".pkl":
        path.write_bytes(pickle.dumps({"model": {"a": System(mark)}}))
    else:
        torch.save(content, path)
    with pytest.raises(InputError, match=r"posix\.system, which may run anything"):
        read_checkpoint(path)
    assert not mark.exists()
    torch.load(path, weights_only=False) if path.suffix != ".pkl" else pickle.loads(path.read_bytes())
    assert mark.exists()


def test_code_in_torchs_older_files_is_refused(tmp_path):
    mark, path = tmp_path / "mark", tmp_path / "old.pth"
    torch.save({"state_dict": {"a": System(mark)}}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(InputError, match="cannot be read as tensors alone"):
        read_checkpoint(path)
    assert not mark.exists()


def test_an_attribute_is_not_fetched(tmp_path):
    """The histories' getattr is admitted as a name and does nothing."""

    class Fetch:
        def __reduce__(self):
            return getattr, ("text", "upper")

    with pytest.raises(InputError, match=r"holds a, which is no tensor"):
        read_checkpoint(saved(tmp_path / "model.pth", {"state_dict": {"a": Fetch()}}))


def test_the_format_can_be_named(tmp_path):
    path = saved(tmp_path / "model.pth", {"panoptic_head.query_feat.weight": torch.zeros(2)})
    assert read_checkpoint(path, "mmdet")[0].keys() == {"transformer_decoder.queries.features.weight"}
    assert read_checkpoint(path, "m2f")[0].keys() == {"panoptic_head.query_feat.weight"}


def test_a_tensor_that_was_lost_on_the_disk_is_told(tmp_path):
    """torch reads a page of zeros without a word."""
    path = saved(tmp_path / "model.pth", {"transformer_decoder.a.weight": torch.ones(4096)})
    content = bytearray(path.read_bytes())
    place = content.index(torch.ones(1024).numpy().tobytes())
    content[place : place + 4096] = bytes(4096)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"model\.pth is damaged \(the checksum of .* is wrong\)"):
        read_checkpoint(path)


def test_bad_input_is_told(tmp_path):
    (tmp_path / "damaged.pth").write_bytes(b"PK\x03\x04")
    (tmp_path / "words.pth").write_text("no weights\n")
    (tmp_path / "damaged.pkl").write_bytes(b"\x80\x04")
    (tmp_path / "model.onnx").write_bytes(b"")
    (tmp_path / "list.pkl").write_bytes(pickle.dumps([1]))
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text('{"model_type": "mask2former"}')
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"\x00")
    saved(tmp_path / "other.pth", {"fc.weight": torch.zeros(1)})
    saved(tmp_path / "text.pth", {"state_dict": {"fc.weight": "text"}})
    transformers_directory(tmp_path / "bert", {}, "bert")
    for name, message in {
        "missing.pth": "does not exist",
        "damaged.pth": "cannot be read as tensors alone",
        "words.pth": "it is damaged, was not written by torch, or holds more than tensors",
        "damaged.pkl": "is damaged or no pickle",
        "model.onnx": r"must be a \.pkl, \.pth or \.pt file",
        "list.pkl": "holds no tensors by name",
        "empty": r"Cannot read .*config\.json",
        "broken": r"model\.safetensors cannot be read",
        "other.pth": "holds no Mask2Former or MaskFormer of m2f, detectron2, mmdet, transformers",
        "text.pth": r"holds fc\.weight, which is no tensor",
        "bert": "must say the model_type mask2former",
    }.items():
        with pytest.raises(InputError, match=message) as error:
            read_checkpoint(tmp_path / name)
        assert name in str(error.value)
        assert "\n" not in str(error.value)


@pytest.mark.filterwarnings("ignore")
def test_tensors_that_are_not_plain_are_told(tmp_path):
    for name, tensor in {
        "quantized": torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8),
        "sparse": torch.eye(4).to_sparse(),
    }.items():
        saved(tmp_path / f"{name}.pth", {**OURS, "transformer_decoder.x": tensor})
        with pytest.raises(InputError, match=rf"{name}\.pth holds transformer_decoder\.x quantized or sparse; save"):
            read_checkpoint(tmp_path / f"{name}.pth")
    saved(tmp_path / "meta.pth", {**OURS, "transformer_decoder.x": torch.empty(4, device="meta")})
    with pytest.raises(InputError, match=r"meta\.pth does not hold the numbers of transformer_decoder\.x"):
        read_checkpoint(tmp_path / "meta.pth")
