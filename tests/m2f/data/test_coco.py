import json
import shutil

import numpy as np
import pytest
from mmengine.dataset import Compose

from m2f.data.coco import CocoInstanceSegments, CocoPanopticSegments, first_by_hash
from m2f.errors import InputError

PLAIN_PANOPTIC = ["m2f.LoadImage", "m2f.LoadSegmentMap", "m2f.SplitSegments", "m2f.PackSample"]
PLAIN_INSTANCE = ["m2f.LoadImage", "m2f.CollectInstances", "m2f.PackSample"]


def panoptic(root, split="train2017", pipeline=(), **kwargs):
    return CocoPanopticSegments(
        data_root=str(root),
        ann_file=f"annotations/panoptic_{split}.json",
        data_prefix={"img": split, "seg": f"annotations/panoptic_{split}"},
        pipeline=[{"type": name} for name in pipeline],
        **kwargs,
    )


def instance(root, split="train2017", pipeline=(), **kwargs):
    steps = [{"type": name} for name in pipeline]
    steps[1:1] = [{"type": "mmdet.LoadAnnotations", "with_bbox": True, "with_mask": True}] if steps else []
    return CocoInstanceSegments(
        data_root=str(root),
        ann_file=f"annotations/instances_{split}.json",
        data_prefix={"img": split},
        pipeline=steps,
        **kwargs,
    )


@pytest.fixture
def broken_root(scenes_root, tmp_path):
    """A copy of the scenes to damage."""
    return shutil.copytree(scenes_root, tmp_path / "broken")


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_classes_are_those_of_the_file(scenes_root):
    metainfo = panoptic(scenes_root).metainfo
    assert metainfo["thing_classes"] == ("disk", "square", "triangle", "ring", "cross", "bar")
    assert metainfo["stuff_classes"] == ("meadow", "water", "sand", "slate")
    assert metainfo["classes"] == metainfo["thing_classes"] + metainfo["stuff_classes"]
    assert instance(scenes_root).metainfo["classes"] == metainfo["thing_classes"]


def test_labels_are_contiguous(scenes_root):
    assert list(panoptic(scenes_root).cat2label.values()) == list(range(10))
    assert list(instance(scenes_root).cat2label.values()) == list(range(6))


def test_instances_are_the_things_of_the_panoptic_truth(scenes_root):
    """Two annotation files and two ways of reading masks, the same targets."""
    for sample, other in zip(
        panoptic(scenes_root, pipeline=PLAIN_PANOPTIC), instance(scenes_root, pipeline=PLAIN_INSTANCE), strict=True
    ):
        targets, others = sample["data_samples"].gt_instances, other["data_samples"].gt_instances
        things = targets.labels < 6
        assert (sample["inputs"] == other["inputs"]).all()
        assert (targets.labels[things] == others.labels).all()
        assert (targets.masks[things] == others.masks).all()


@pytest.mark.parametrize("kind", ["panoptic", "instances"])
def test_crowds_are_no_targets(broken_root, kind):
    def make_crowd(content):
        found = content["annotations"][0]
        (found["segments_info"][0] if kind == "panoptic" else found)["iscrowd"] = 1

    build, pipeline = (panoptic, PLAIN_PANOPTIC) if kind == "panoptic" else (instance, PLAIN_INSTANCE)
    before = build(broken_root, pipeline=pipeline)[0]["data_samples"].gt_instances
    edit(broken_root / f"annotations/{kind}_train2017.json", make_crowd)
    after = build(broken_root, pipeline=pipeline)[0]["data_samples"].gt_instances
    assert len(after) == len(before) - 1


def test_images_without_things_are_dropped_from_instance_training(broken_root):
    def only_crowds(content):
        for annotation in content["annotations"]:
            annotation["iscrowd"] |= annotation["image_id"] == 2

    edit(broken_root / "annotations/instances_train2017.json", only_crowds)
    wanted = {"filter_empty_gt": True}
    ids = [info["img_id"] for info in (instance(broken_root, filter_cfg=wanted).get_data_info(i) for i in range(11))]
    assert 2 not in ids
    assert len(instance(broken_root, filter_cfg=wanted, test_mode=True)) == 12


def test_missing_annotation_file(tmp_path):
    with pytest.raises(InputError, match=r"panoptic_train2017\.json"):
        panoptic(tmp_path)


@pytest.mark.parametrize(("build", "kind"), [(panoptic, "panoptic"), (instance, "instances")])
def test_cut_off_annotation_file(broken_root, build, kind):
    path = broken_root / f"annotations/{kind}_train2017.json"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=r"_train2017\.json is not whole JSON"):
        build(broken_root)


def test_unknown_category(broken_root):
    edit(broken_root / "annotations/panoptic_train2017.json", lambda content: content["categories"].pop(0))
    with pytest.raises(InputError, match="category 1,"):
        panoptic(broken_root)


def test_image_without_annotation(broken_root):
    edit(broken_root / "annotations/panoptic_train2017.json", lambda content: content["annotations"].pop(0))
    with pytest.raises(InputError, match="no annotation for image 1"):
        panoptic(broken_root)


def test_file_that_is_no_image(broken_root):
    (broken_root / "train2017/000000000001.png").write_text("not an image")
    with pytest.raises(InputError, match=r"000000000001\.png is not a readable image"):
        panoptic(broken_root, pipeline=PLAIN_PANOPTIC)[0]


def test_image_of_another_size(broken_root):
    edit(broken_root / "annotations/panoptic_train2017.json", lambda content: content["images"][0].update(width=99))
    with pytest.raises(InputError, match=r"\(64, 64\).*\(64, 99\)"):
        panoptic(broken_root, pipeline=PLAIN_PANOPTIC)[0]


def test_real_coco_is_read_the_same_way(coco100):
    dataset = panoptic(coco100, "val2017", PLAIN_PANOPTIC)
    assert len(dataset) == 100
    assert len(dataset.metainfo["thing_classes"]) == 80
    assert len(dataset.metainfo["stuff_classes"]) == 53
    first = json.loads((coco100 / "annotations/panoptic_val2017.json").read_text())["annotations"][0]["segments_info"]
    targets = dataset[0]["data_samples"].gt_instances
    assert targets.masks.sum((1, 2)).tolist() == [segment["area"] for segment in first]
    assert targets.labels.tolist() == [dataset.cat2label[segment["category_id"]] for segment in first]


def test_real_coco_instances(coco100):
    dataset = instance(coco100, "val2017", PLAIN_INSTANCE)
    assert len(dataset.metainfo["classes"]) == 80
    content = json.loads((coco100 / "annotations/instances_val2017.json").read_text())
    image_id = dataset.get_data_info(0)["img_id"]
    areas = [a["area"] for a in content["annotations"] if a["image_id"] == image_id and not a["iscrowd"]]
    found = dataset[0]["data_samples"].gt_instances.masks.sum((1, 2)).numpy()
    # COCO's area is that of the polygon: the mask has a pixel more or less along the outline.
    assert np.allclose(found, areas, rtol=0.15, atol=30)


def test_pipelines_name_registered_transforms():
    assert len(Compose([{"type": name} for name in PLAIN_PANOPTIC]).transforms) == len(PLAIN_PANOPTIC)


def ids_of(dataset):
    return [dataset.get_data_info(index)["img_id"] for index in range(len(dataset))]


@pytest.mark.parametrize("build", [panoptic, instance])
def test_chosen_images_do_not_depend_on_the_order_of_the_file(broken_root, build):
    """Both kinds of annotation choose the same, and no more than there are."""
    before = ids_of(build(broken_root, num_images=5))
    assert before == ids_of(panoptic(broken_root, num_images=5))
    for kind in ("panoptic", "instances"):
        edit(broken_root / f"annotations/{kind}_train2017.json", lambda content: content["images"].reverse())
    assert ids_of(build(broken_root, num_images=5)) == before
    assert ids_of(build(broken_root, num_images=12))[:5] == before
    assert sorted(ids_of(build(broken_root, num_images=1000))) == sorted(ids_of(build(broken_root)))


def test_a_choice_by_hash_is_as_large_as_asked_and_spread_over_the_ids():
    """COCO's sizes, rising ids: of each half of the ids about half is taken, four standard deviations at most away."""
    images = [{"id": 7 * number + 139} for number in range(118_287)]
    tenth = first_by_hash(images, 11_829)
    assert len({image["id"] for image in tenth}) == 11_829
    lower = sum(image["id"] < images[len(images) // 2]["id"] for image in tenth)
    assert abs(lower - 11_829 / 2) < 4 * (11_829 * 0.9 / 4) ** 0.5
    val = images[:5000]
    assert len(first_by_hash(val, 1000)) == 1000
    assert first_by_hash(val[::-1], 1000) == first_by_hash(val, 1000)
    assert len(first_by_hash(val[:999], 1000)) == 999


def test_a_choice_by_hash_is_the_same_in_every_version():
    """Runs of a choice are named by the number of images alone: another hash would give them other data."""
    assert [image["id"] for image in first_by_hash([{"id": number} for number in range(100)], 4)] == [55, 51, 39, 49]
