"""Which rows the model zoos' checkpoints fill."""

import pytest

from ablations.paper import published_checkpoints
from ablations.planning.published import published_rows
from ablations.planning.scales import chosen_scale
from ablations.studies import MAIN_RESULTS, OTHER_DATA_SETS, STUDIES


@pytest.fixture(scope="module")
def files():
    """The checkpoint's name, or None, by table, row and task; of all tables."""
    rows = published_rows(STUDIES.values(), chosen_scale("paper"))
    return {
        (row.study.table, row.variation.name, row.task): row.checkpoint.name if row.checkpoint else None for row in rows
    }


def test_every_checkpoint_fills_the_row_that_it_is_of(files):
    checkpoints = published_checkpoints()
    assert len({checkpoint.name for checkpoint in checkpoints}) == len(checkpoints) == 61
    for checkpoint in checkpoints:
        assert files[checkpoint.table, checkpoint.row, checkpoint.task] == checkpoint.name
        assert checkpoint.name == f"model_final_{checkpoint.md5}.pkl"
        assert checkpoint.address.startswith("https://") and checkpoint.address.endswith(f"/{checkpoint.name}")


def test_every_row_of_mask2former_has_one_but_for_fapn_cocos_semantic_model_and_what_no_zoo_has(files):
    tables = {study.table for study in (*MAIN_RESULTS, *OTHER_DATA_SETS)}
    without = {key for key, name in files.items() if name is None and key[0] in tables and "FaPN" not in key[1]}
    assert {key for key in without if not key[1].startswith("MaskFormer")} == {("7", "COCO", "semantic")}
    assert {key[1:] for key in without if key[1].startswith("MaskFormer")} == {
        ("MaskFormer, R50", "instance"),
        ("MaskFormer, Swin-B", "panoptic"),
        ("MaskFormer, Swin-B", "semantic"),
    }


def test_rows_of_one_training_have_one_checkpoint(files):
    mask2former = "model_final_94dc52.pkl"
    assert files["I", "Mask2Former, R50", "panoptic"] == mask2former
    assert files["4c", "masked attention", "panoptic"] == files["7", "COCO", "panoptic"] == mask2former
    assert files["4c", "cross-attention", "panoptic"] is None
    assert files["II", "Mask2Former, Swin-L-22k", "panoptic"] == files["1", "Mask2Former, Swin-L-22k", "panoptic"]
    assert files["XIIc", "MaskFormer training params", "semantic"] == files["V", "MaskFormer, R50", "semantic"]
    assert files["VI", "Mask2Former, Swin-L-22k, FaPN", "semantic"] is None  # trained on validation images too
