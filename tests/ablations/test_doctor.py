from pathlib import Path

import pytest
import torch

from ablations.doctor import examine, show
from m2f import compiled_ops
from m2f.data.sources import SOURCES

ROOT = Path(__file__).parents[2]


def test_findings_name_what_is_missing_and_its_mend(tmp_path, console):
    (tmp_path / "data" / "coco" / "annotations").mkdir(parents=True)
    findings = {name: (found, mend) for name, found, mend in examine(tmp_path / "store", tmp_path / "data")}
    assert {"torch", "mmengine", "compiled ops", "devices", "cores", "threads", "memory"} <= set(findings)
    assert "GB free" in findings["disk at store"][0]
    assert "GB free at /dev/shm" in findings["shared memory"][0]
    assert findings["data: coco"] == (f"at {tmp_path / 'data' / 'coco'}", "")
    found, mend = findings["data: ade20k"]
    assert found.startswith("not at")
    assert "ADEChallengeData2016" in mend


@pytest.mark.parametrize("triton", [True, False])
@pytest.mark.parametrize("ops", [True, False])
def test_on_a_gpu_it_says_what_samples_and_how_to_build_the_ops(ops, triton, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(compiled_ops, "compiled_ops_available", lambda: ops)
    monkeypatch.setattr(compiled_ops, "triton_available", lambda: triton)
    findings = {name: (found, mend) for name, found, mend in examine(tmp_path, tmp_path)}
    found, mend = findings["compiled ops"]
    assert (found == "run on the GPU") == ops
    assert findings["triton"][0] == ("yes" if triton else "no")
    if ops:
        assert mend == ""
        return
    assert mend.startswith("not needed: Triton serves" if triton else "install Triton")
    locked = next(line for line in (ROOT / "requirements.lock").read_text().splitlines() if "mmcv" in line)
    assert "FORCE_CUDA=1 MMCV_WITH_OPS=1 pip install --no-build-isolation --no-binary onedl-mmcv" in mend
    assert locked in mend


def test_without_a_gpu_no_op_is_needed(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    findings = {name: (found, mend) for name, found, mend in examine(tmp_path, tmp_path)}
    assert findings["compiled ops"][0] == "not used"


def test_findings_are_shown_below_each_other(console):
    show([("cores", "2", ""), ("data: coco", "not at data/coco", "fetch it")], console)
    assert console.file.getvalue().splitlines() == [
        "cores       2",
        "data: coco  not at data/coco",
        "            -> fetch it",
    ]


def test_data_sets_that_are_half_there(tmp_path):
    for place in SOURCES["cityscapes"].needed:
        (tmp_path / "cityscapes" / place).mkdir(parents=True)
    (tmp_path / "mapillary_vistas/training/images").mkdir(parents=True)
    findings = {what: facts for what, *facts in examine(tmp_path / "runs", tmp_path)}
    found, mend = findings["data: cityscapes"]
    assert found == f"at {tmp_path / 'cityscapes'}, without gtFine/cityscapes_panoptic_val.json"
    assert mend == f"m2f data prepare cityscapes {tmp_path / 'cityscapes'}"
    found, mend = findings["data: mapillary"]
    assert found == f"at {tmp_path / 'mapillary_vistas'}, without validation/images"
    assert "https://www.mapillary.com/dataset/vistas" in mend
