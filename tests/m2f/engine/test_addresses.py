"""Looking for the weights that a config names."""

import subprocess
import sys
import urllib.error

import pytest
import torch
from mmengine import Config
from mmengine.runner import CheckpointLoader

import m2f.engine.weights  # noqa: F401
from m2f.engine import addresses
from m2f.engine.addresses import check_weights
from m2f.engine.train import train
from m2f.errors import InputError

PLANNING = """
import sys
from m2f.engine.addresses import check_weights
from m2f.engine.precision import check_precision
config = {"load_from": sys.executable, "model": {"backbone": {}}, "optim_wrapper": {"type": "OptimWrapper"}}
check_weights(config)
check_precision(config)
assert not {"torch", "mmengine", "mmdet"} & sys.modules.keys()
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    addresses.unreachable.cache_clear()


@pytest.fixture
def offline(monkeypatch):
    def refuse(address, timeout):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(addresses, "urlopen", refuse)


def test_files_that_are_there(tmp_path):
    (tmp_path / "weights.pth").touch()
    init = {"type": "Pretrained", "checkpoint": str(tmp_path / "weights.pth")}
    check_weights({"load_from": str(tmp_path), "model": {"backbone": {"init_cfg": [init]}}})
    check_weights(Config({"load_from": None, "model": {"backbone": {"init_cfg": None}}}))


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ({"load_from": "nowhere.pth"}, "load_from"),
        ({"model": {"backbone": {"init_cfg": {"type": "Pretrained", "checkpoint": "nowhere.pth"}}}}, "init_cfg"),
        ({"model": {"parts": [{"init_cfg": [{"type": "Pretrained", "checkpoint": "nowhere.pth"}]}]}}, "init_cfg.0"),
        ({"model": {"backbone": {"pretrained": "nowhere.pth"}}}, "model.backbone.pretrained"),
    ],
)
def test_a_missing_file(config, key):
    with pytest.raises(InputError, match=rf"{key}.* names nowhere\.pth, and there is no such file; name one that is"):
        check_weights(Config(config))


def test_before_anything_is_built_or_written(smoke, tmp_path):
    with pytest.raises(InputError, match=r"load_from names nowhere\.pth, and there is no such file"):
        train(smoke(load_from="nowhere.pth"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_no_network(tmp_path, offline):
    address = "https://download.pytorch.org/models/resnet50-0676ba61.pth?download=1"
    config = {"model": {"backbone": {"init_cfg": {"type": "Pretrained", "checkpoint": address}}}}
    with pytest.raises(InputError) as error:
        check_weights(config)
    place = tmp_path / "cache" / "hub" / "checkpoints" / "resnet50-0676ba61.pth"
    assert str(error.value) == (
        f"model.backbone.init_cfg.checkpoint names {address}, which cannot be fetched (Name or service not known); "
        f"fetch it where that can be done and put it at {place}, or name a file."
    )
    place.parent.mkdir(parents=True)
    torch.save({"a": torch.ones(1)}, place)
    check_weights(config)
    assert CheckpointLoader.load_checkpoint(address)["state_dict"].keys() == {"a"}


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Each address has a file of its own: ``{"a": how many times something was downloaded before}``."""
    downloaded = []

    def download(address, file, hash_prefix, progress):
        torch.save({"a": torch.tensor(len(downloaded))}, file)
        downloaded.append((address, hash_prefix))

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    return downloaded


def test_files_of_one_name_at_two_addresses_are_two(server):
    addresses = [f"https://{place}/iter_300.pth" for place in ("a.org/run1", "b.org/run2", "a.org/run1")]
    found = [int(CheckpointLoader.load_checkpoint(address)["state_dict"]["a"]) for address in addresses]
    assert found == [0, 1, 0]
    assert server == [(address, None) for address in addresses[:2]]


@pytest.mark.parametrize(
    ("place", "own"),
    [
        ("download.pytorch.org/models/resnet50-0676ba61.pth", "0676ba61"),
        ("download.openmmlab.com/mask2former_r50_20220506_191028-41b088b6.pth", "41b088b6"),
        ("download.openmmlab.com/iter_300.pth", None),
        ("download.openmmlab.com/swin_tiny_patch4_window7_224_20220317-1cdeb081.pth", "1cdeb081"),
        ("download.openmmlab.com/swin-best-20240101a.pth", None),
        ("download.pytorch.org/deadbeef.pth", None),
        ("example.org/resnet50-0676ba61.pth", None),
        ("example.org/3f2504e0-4f89-11d3-9a0c-0305e82c3301.pth", None),
        ("example.org/model-1a2b3c4d.pth", None),
        ("github.com/swin_tiny_patch4_window7_224.pth", None),
    ],
)
def test_a_name_with_a_hash_of_the_content_is_enough(place, own, server, tmp_path):
    """So torch's and OpenMMLab's own files are found where these have put them; of others a hash may be anything's."""
    address, name = f"https://{place}", place.rpartition("/")[2]
    file = addresses.cached(address)
    assert file.parent == tmp_path / "cache" / "hub" / "checkpoints"
    assert (file.name == name) is (own is not None) and file.name.endswith(name)
    CheckpointLoader.load_checkpoint(address)
    assert server == [(address, own)]


def test_the_sentence_names_a_place_of_the_address_alone(tmp_path, offline):
    address = "https://example.org/models/iter_300.pth"
    with pytest.raises(InputError) as error:
        check_weights({"load_from": address})
    assert f"put it at {addresses.cached(address)}, or name a file" in str(error.value)
    old = tmp_path / "cache" / "hub" / "checkpoints" / "iter_300.pth"
    old.parent.mkdir(parents=True)
    torch.save({"a": torch.ones(1)}, old)  # of whichever address
    with pytest.raises(InputError, match="cannot be fetched"):
        check_weights({"load_from": address})
    torch.save({"a": torch.ones(1)}, addresses.cached(address))
    check_weights({"load_from": address})


def test_no_network_at_the_load_itself(tmp_path, monkeypatch):
    def refuse(address, file, hash_prefix, progress):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    with pytest.raises(InputError, match=r"which cannot be fetched \(.*Name or service not known.*\); fetch it where"):
        CheckpointLoader.load_checkpoint("https://example.org/a.pth")


@pytest.mark.parametrize("address", ["torchvision://nothing", "open-mmlab://nothing", "s3://bucket/a.pth", "timm://a"])
def test_names_that_stand_for_nothing(address):
    with pytest.raises(InputError, match=r"which stands for no weights here.*; name a file or an https:// address"):
        check_weights({"load_from": address})


def test_a_name_of_openmmlabs(offline):
    with pytest.raises(InputError, match=r"names https://.*resnet50.*cannot be fetched"):
        check_weights({"load_from": "open-mmlab://detectron2/resnet50_caffe"})


@pytest.mark.parametrize("value", [5, "", ["a.pth"]])
def test_what_is_no_name(value):
    with pytest.raises(InputError, match="load_from must name a file of weights or an https:// address"):
        check_weights({"load_from": value})


def test_a_plan_without_web_addresses_is_looked_at_without_torch():
    subprocess.run([sys.executable, "-c", PLANNING], check=True)
