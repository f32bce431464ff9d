"""What annotation files may not hold, and what is made up for: every line is damage that someone's data had."""

import json
import logging
import math

import numpy as np
import pycocotools.mask
import pytest

from m2f.data.annotations import class_metainfo, examine, load_annotations
from m2f.data.coco import CocoInstanceSegments, CocoPanopticSegments
from m2f.data.verify import verify
from m2f.errors import InputError
from m2f.metrics import InstanceAP, PanopticMeanIoU, PanopticQuality, ProposalRecall

SIDE = 64
SQUARE = [[10.0, 10.0, 30.0, 10.0, 30.0, 30.0, 10.0, 30.0]]


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def files(root, split="val2017"):
    return {kind: root / "annotations" / f"{kind}_{split}.json" for kind in ("panoptic", "instances")}


def build(root, kind, split="val2017"):
    classes = {"panoptic": CocoPanopticSegments, "instances": CocoInstanceSegments}
    prefix = {"img": split} | ({"seg": f"annotations/panoptic_{split}"} if kind == "panoptic" else {})
    name = f"annotations/{kind}_{split}.json"
    return classes[kind](data_root=str(root), ann_file=name, data_prefix=prefix, pipeline=[])


def readers(root, kind):
    """Everything that reads annotations of a kind before anything is trained or evaluated."""
    path = files(root)[kind]
    yield lambda: build(root, kind)
    if kind == "instances":
        yield lambda: InstanceAP(str(path))
        yield lambda: ProposalRecall(str(path))
    else:
        yield lambda: PanopticQuality(str(path), str(path.with_suffix("")))
        yield lambda: PanopticMeanIoU(str(path), str(path.with_suffix("")))


def refused(root, kind, sentence, metrics=True):
    """All readers say the sentence, name the file, and so does ``verify``."""
    for read in [*readers(root, kind)][: None if metrics else 1]:
        with pytest.raises(InputError) as error:
            read()
        assert sentence in str(error.value)
        assert str(files(root)[kind]) in str(error.value)
        assert "\n" not in str(error.value)
    assert any(sentence in problem for problem in verify(root))


def first(content, key="annotations"):
    return content[key][0]


def put(key, value, where="annotations"):
    """A change of the first entry of a list."""
    return lambda content: first(content, where).__setitem__(key, value)


def drop(key, where="annotations"):
    return lambda content: first(content, where).pop(key)


def same(key, where):
    """Give the second entry of a list the first one's value."""
    return lambda content: content[where][1].__setitem__(key, content[where][0][key])


def empty(where):
    return lambda content: content[where].clear()


def all_crowd(content):
    for annotation in content["annotations"]:
        for part in annotation.get("segments_info", [annotation]):
            part["iscrowd"] = 1


IN_BOTH = {
    "two images of one id": (same("id", "images"), "has two images with the id 1; give each its own"),
    "two images of one file": (same("file_name", "images"), "; list it once, with all its objects"),
    "two categories of one id": (same("id", "categories"), "has two categories with the id 1"),
    "two categories of one name": (same("name", "categories"), "has two categories with the name 'disk'; rename one"),
    "category without name": (drop("name", "categories"), "has a category without 'name'"),
    "category with an empty name": (put("name", " ", "categories"), "has category 1 with the name ' '"),
    "category of a negative id": (put("id", -1, "categories"), "has category -1; number categories from 0"),
    "category of a huge id": (put("id", 2**70, "categories"), "number categories from 0 to 65535"),
    "category of a named id": (put("id", "disk", "categories"), "has at categories[0].id (id 'disk')"),
    "category that is half a thing": (put("isthing", 2, "categories"), "says isthing 2 of category 1"),
    "no category": (empty("categories"), "lists no category"),
    "no image": (empty("images"), "lists no image"),
    "no width": (drop("width", "images"), "has an image without 'width'"),
    "no height": (drop("height", "images"), "add it to images[0] (id 1)"),
    "no image id": (drop("id", "images"), "has an image without 'id'"),
    "negative width": (put("width", -64, "images"), "says that image 1 is -64 pixels wide and 64 high"),
    "no width at all": (put("width", 0, "images"), "is 0 pixels wide"),
    "width of text": (put("width", "64", "images"), "has at images[0].width (id 1)"),
    "width that is a fraction": (put("width", 64.5, "images"), "has at images[0].width"),
    "width beyond any file": (put("width", 10**30, "images"), "write the size that its file has"),
    "width that is infinite": (put("width", math.inf, "images"), "has at images[0].width"),
    "width that is null": (put("width", None, "images"), "has at images[0].width"),
    "image id with a point": (put("id", 1.0, "images"), "has at images[0].id (id 1.0)"),
    "image id that is true": (put("id", True, "images"), "has at images[0].id (id True)"),
    "image id that is null": (put("id", None, "images"), "has at images[0].id"),
    "image id of no letter": (put("id", "", "images"), "an id has 1 to 150 characters"),
    "image that is a number": (lambda content: content["images"].insert(0, 5), "has at images[0] what"),
    "file name of nothing": (put("file_name", "", "images"), "gives image 1 the file_name ''"),
    "file name with a zero": (put("file_name", "a\0.png", "images"), "gives image 1 the file_name 'a\\x00.png'"),
    "file name too long": (put("file_name", 200 * "é", "images"), "gives image 1 the file_name 'éé"),
    "file name too deep": (put("file_name", 2000 * "a/", "images"), "gives image 1 the file_name 'a/a"),
    "file name of half a letter": (put("file_name", "\ud800.png", "images"), "gives image 1 the file_name"),
    "image id of half a letter": (put("id", "\ud800", "images"), "an id has 1 to 150 characters"),
    "annotation of no image": (put("image_id", 777), "annotates image 777, which it does not list"),
    "annotation of an image by text": (put("image_id", "1"), "annotates image '1', which it does not list"),
    "annotation without image": (drop("image_id"), "has an annotation without 'image_id'"),
    "annotation that is a list": (lambda content: content["annotations"].insert(0, []), "has at annotations[0] what"),
    "annotation that is half a letter": (
        lambda content: content["annotations"].insert(0, "\ud800"),
        "has at annotations[0] what",
    ),
    "annotation that is nested deep": (put("image_id", [[[[[]]]]]), "has at annotations[0].image_id"),
}


def segment(key, value):
    return lambda content: first(content)["segments_info"][0].__setitem__(key, value)


PANOPTIC = {
    "two annotations of an image": (
        lambda content: content["annotations"].append(first(content)),
        "has two annotations of image 1; keep one",
    ),
    "image without annotation": (lambda content: content["annotations"].pop(0), "has no annotation for image 1"),
    "annotation without file": (drop("file_name"), "has an annotation without 'file_name'"),
    "annotation without segments": (drop("segments_info"), "has an annotation without 'segments_info'"),
    "segments that are null": (put("segments_info", None), "has at annotations[0].segments_info (image_id 1)"),
    "two segments of one id": (
        lambda content: first(content)["segments_info"].append(first(content)["segments_info"][0]),
        "of image 1; give each its own pixels and id",
    ),
    "segment 0": (segment("id", 0), "Segment 0 of image 1"),
    "segment beyond a PNG": (segment("id", 2**24), "number segments from 1 to 16777215"),
    "segment of no category": (segment("category_id", 999), "uses category 999, which it does not list"),
    "segment of text": (segment("id", "7"), "has at annotations[0].segments_info[0].id (image_id 1)"),
    "segment that is half a crowd": (segment("iscrowd", -1), "says iscrowd -1 of segment"),
    "segment without iscrowd": (
        lambda content: first(content)["segments_info"][0].pop("iscrowd"),
        "has a segment without 'iscrowd'",
    ),
}
INSTANCES = {
    "no category": (drop("category_id"), "has an annotation without 'category_id'"),
    "unknown category": (put("category_id", 999), "uses category 999, which it does not list"),
    "no segmentation": (drop("segmentation"), "of image 1 has no 'segmentation'; give its polygons"),
    "segmentation of nothing": (put("segmentation", []), "has no 'segmentation'"),
    "segmentation that is null": (put("segmentation", None), "has no 'segmentation'"),
    "segmentation that is text": (put("segmentation", "polygon"), "has at annotations[0].segmentation (id "),
    "a point": (put("segmentation", [[3, 3]]), "has a polygon of 2 numbers; it takes x and y of three points"),
    "two points": (put("segmentation", [[3, 3, 9, 9]]), "has a polygon of 4 numbers"),
    "no point": (put("segmentation", [[]]), "has a polygon of 0 numbers"),
    "one of two polygons of two points": (put("segmentation", [*SQUARE, [3, 3, 9, 9]]), "has a polygon of 4 numbers"),
    "an odd count": (put("segmentation", [[3, 3, 9, 9, 3, 9, 1]]), "has a polygon of 7 numbers"),
    "a flat list": (put("segmentation", SQUARE[0]), "has at annotations[0].segmentation[0]"),
    "points that are text": (put("segmentation", [["1", 2, 3, 4, 5, 6]]), "has at annotations[0].segmentation[0][0]"),
    "NaN": (put("segmentation", [[3, 3, 9, math.nan, 3, 9]]), "has a polygon with a number that is not finite"),
    "infinity": (put("segmentation", [[3, 3, 9, math.inf, 3, 9]]), "has a polygon with a number that is not finite"),
    "a number beyond all": (put("segmentation", [[3, 3, 9, 10**400, 3, 9]]), "segmentation"),
    "points far away": (put("segmentation", [[0, 0, 1e9, 0, 1e9, 1e9]]), "has points far outside of its image of 64"),
    "a polygon beside the image": (put("segmentation", [[70, 9, 90, 9, 90, 20]]), "lies outside of its image"),
    "run lengths of another size": (
        put("segmentation", {"size": [32, 64], "counts": [2048]}),
        "has a mask of size [32, 64] in an image of [64, 64]",
    ),
    "run lengths that are too few": (
        put("segmentation", {"size": [64, 64], "counts": [10, 20]}),
        "has a mask whose 'counts' are not the runs of 64 x 64 pixels",
    ),
    "run lengths below zero": (
        put("segmentation", {"size": [64, 64], "counts": [4100, -4, 0]}),
        "has a mask whose 'counts' are not the runs",
    ),
    "run lengths of no pixel": (
        put("segmentation", {"size": [64, 64], "counts": [4096]}),
        "has a mask without a pixel; remove it",
    ),
    "code that is none": (
        put("segmentation", {"size": [64, 64], "counts": "this is no code, is it?"}),
        "has a mask whose 'counts' are not the runs",
    ),
    "code of nothing": (put("segmentation", {"size": [64, 64], "counts": ""}), "'counts' are not the runs"),
    "code that is cut off": (put("segmentation", {"size": [64, 64], "counts": "PPP"}), "'counts' are not the runs"),
    "code in another alphabet": (put("segmentation", {"size": [64, 64], "counts": "ÄÖ"}), "'counts' are not the runs"),
    "counts that are null": (
        put("segmentation", {"size": [64, 64], "counts": None}),
        "has at annotations[0].segmentation.counts",
    ),
    "run lengths without size": (put("segmentation", {"counts": [4096]}), "has an annotation without 'size'"),
    "half a crowd": (put("iscrowd", 0.5), "has at annotations[0].iscrowd"),
    "more than a crowd": (put("iscrowd", 7), "says iscrowd 7 of annotation"),
    "area of text": (put("area", "12"), "has at annotations[0].area"),
    "box of text": (put("bbox", "1,2,3,4"), "has at annotations[0].bbox"),
}


@pytest.mark.parametrize("kind", ["panoptic", "instances"])
@pytest.mark.parametrize("damage", IN_BOTH)
def test_damage_to_either_file_is_refused(root, kind, damage):
    change, sentence = IN_BOTH[damage]
    edit(files(root)[kind], change)
    refused(root, kind, sentence)


@pytest.mark.parametrize("damage", PANOPTIC)
def test_damage_to_a_panoptic_file_is_refused(root, damage):
    change, sentence = PANOPTIC[damage]
    edit(files(root)["panoptic"], change)
    refused(root, "panoptic", sentence)


@pytest.mark.parametrize("damage", INSTANCES)
def test_damage_to_an_instances_file_is_refused(root, damage):
    change, sentence = INSTANCES[damage]
    edit(files(root)["instances"], change)
    refused(root, "instances", sentence)


@pytest.mark.parametrize("kind", ["panoptic", "instances"])
@pytest.mark.parametrize("change", [all_crowd, empty("annotations")], ids=["crowds", "none"])
def test_nothing_to_learn_is_refused(root, kind, change):
    def without(content):
        change(content)
        if kind == "panoptic" and not content["annotations"]:
            content["annotations"] = [
                {"image_id": image["id"], "file_name": image["file_name"], "segments_info": []}
                for image in content["images"]
            ]

    edit(files(root)[kind], without)
    refused(root, kind, "has no segment or object that is not a crowd", metrics=False)


def in_shares(content):
    """All masks as polygons of their boxes, in shares of the image."""
    for annotation in content["annotations"]:
        x, y, width, height = (side / SIDE for side in annotation.pop("bbox"))
        annotation["segmentation"] = [[x, y, x + width, y, x + width, y + height, x, y + height]]


def test_polygons_in_shares_of_the_image_are_refused(root):
    path = files(root)["instances"]
    edit(path, in_shares)
    first_id = first(json.loads(path.read_text()))["id"]
    refused(
        root,
        "instances",
        f"has no point beyond 1 in any polygon, first annotation {first_id} of image 1: they are shares of the image; "
        "write points in pixels, x times the width and y times the height",
    )


def test_one_polygon_within_the_first_pixel_is_none_in_shares(root):
    path = files(root)["instances"]
    edit(path, put("segmentation", [[0, 0, 1, 0, 1, 1, 0, 1]]))
    edit(path, lambda content: content["annotations"][1].update(segmentation=SQUARE))
    edit(path, lambda content: [annotation.pop("bbox") for annotation in content["annotations"]])
    load_annotations(path)


THIN = [[10.2, 5, 10.8, 5, 10.8, 40, 10.2, 40]]


@pytest.mark.parametrize(
    "change",
    [
        lambda annotation: annotation.update(segmentation=THIN, bbox=None),
        lambda annotation: annotation.update(ignore=1),
        lambda annotation: annotation.update(category_id=99),
    ],
    ids=["thin", "to be ignored", "stuff"],
)
def test_objects_of_which_mmdet_leaves_none_are_refused(root, change):
    path = files(root)["instances"]
    edit(path, lambda content: content["categories"].append({"id": 99, "name": "sky", "isthing": 0}))
    edit(path, lambda content: content["annotations"].__delitem__(slice(1, None)))
    edit(path, put("iscrowd", 0))
    assert [len(info["instances"]) for info in build(root, "instances")] == [1, 0, 0, 0]
    edit(path, lambda content: change(first(content)))
    refused(root, "instances", "has no object to learn: each is a crowd, stuff, to be ignored, or less", metrics=False)


@pytest.mark.parametrize("kind", ["panoptic", "instances"])
def test_images_without_file_are_refused_where_they_are_read(root, kind):
    edit(files(root)[kind], drop("file_name", "images"))
    refused(root, kind, "has an image without 'file_name'", metrics=False)


@pytest.mark.parametrize(
    ("octets", "sentence"),
    [
        (b"", "is not whole JSON"),
        (b"[]", "is not an annotation file in COCO's layout"),
        (b"null", "is not an annotation file in COCO's layout"),
        (b'{"images": {}, "annotations": [], "categories": []}', "has no list 'images'"),
        (b'{"images": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "nested too deep"),
        (b'{"images": [{"id": "\xff"}]}', "is not whole JSON"),
        ("{}".encode("utf-16"), "has no list 'images'"),
        (b"\x1f\x8b\x08", "is not whole JSON"),
    ],
)
@pytest.mark.parametrize("kind", ["panoptic", "instances"])
def test_files_that_are_none_are_refused(root, kind, octets, sentence):
    files(root)[kind].write_bytes(octets)
    refused(root, kind, sentence)


def test_a_value_that_nothing_uses_may_be_anything(root):
    for path in files(root).values():
        edit(path, lambda content: content.update(info={"nan": math.nan}, licenses=None))
        edit(path, lambda content: first(content, "images").update(license=[], date_captured={"a": math.inf}))
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert verify(root) == []
    for kind in files(root):
        assert len(build(root, kind)) == 4


def test_all_that_is_wrong_is_counted(root):
    edit(files(root)["instances"], lambda content: [entry.pop("segmentation") for entry in content["annotations"]])
    count = len(json.loads(files(root)["instances"].read_text())["annotations"])
    with pytest.raises(InputError, match=rf"There are {count - 1} problems more; `m2f data verify` names all\.$"):
        load_annotations(files(root)["instances"])
    assert len(verify(root)) == count


# What is made up for: the change, the note, and what becomes of it.


def each(key, value):
    """Set a key of all objects, to a value or to what a function of their place gives."""

    def change(content):
        for index, annotation in enumerate(content["annotations"]):
            annotation[key] = value(index) if callable(value) else value

    return change


def without(key):
    return lambda content: [annotation.pop(key) for annotation in content["annotations"]]


REPAIRS = {
    "no area": (without("area"), "without a possible 'area', which is measured in pixels"),
    "area 0": (each("area", 0), "without a possible 'area'"),
    "area below 0": (each("area", -5), "without a possible 'area'"),
    "area that is null": (each("area", None), "without a possible 'area'"),
    "area that is no number": (each("area", math.nan), "without a possible 'area'"),
    "area beyond the image": (each("area", 1e9), "without a possible 'area'"),
    "no box": (without("bbox"), "without the 'bbox' of its mask, which is taken from that"),
    "box of zeros": (each("bbox", [0, 0, 0, 0]), "without the 'bbox' of its mask"),
    "box below 0": (each("bbox", [-5, -5, -5, -5]), "without the 'bbox' of its mask"),
    "box of three numbers": (each("bbox", [1, 2, 3]), "without the 'bbox' of its mask"),
    "box that is null": (each("bbox", None), "without the 'bbox' of its mask"),
    "box that is no number": (each("bbox", [math.nan] * 4), "without the 'bbox' of its mask"),
    "box beside the mask": (each("bbox", [1000, 1000, 5, 5]), "without the 'bbox' of its mask"),
    "no id": (without("id"), "all are numbered from 1"),
    "id that is null": (each("id", None), "all are numbered from 1"),
    "the same id everywhere": (each("id", 7), "all are numbered from 1"),
    "ids from 1 in each image": (each("id", lambda index: index % 3 + 1), "all are numbered from 1"),
    "ids that are text": (each("id", lambda index: f"object {index}"), "all are numbered from 1"),
    "every third id missing": (each("id", lambda index: index if index % 3 else None), "all are numbered from 1"),
}


@pytest.mark.parametrize("damage", REPAIRS)
def test_what_needs_no_guess_is_made_up_for_and_said(root, damage, caplog):
    change, sentence = REPAIRS[damage]
    path = files(root)["instances"]
    sound = load_annotations(path)
    edit(path, change)
    with caplog.at_level(logging.WARNING, "m2f.data.annotations"):
        repaired = load_annotations(path)
    assert [sentence in message and str(path) in message for message in caplog.messages] == [True]
    for before, after in zip(sound["annotations"], repaired["annotations"], strict=True):
        assert after == before | {"id": after["id"]}
    ids = [annotation["id"] for annotation in repaired["annotations"]]
    assert len(set(ids)) == len(ids)
    assert sum(len(info["instances"]) for info in build(root, "instances")) == len(ids)
    notes = []
    assert verify(root, notes.append) == []
    assert any(sentence in note for note in notes)


def test_polygons_have_the_area_of_their_pixels_and_their_own_box(root):
    edit(files(root)["instances"], put("segmentation", SQUARE))
    edit(files(root)["instances"], lambda content: [first(content).pop(key) for key in ("area", "bbox")])
    found = load_annotations(files(root)["instances"])["annotations"][0]
    code = pycocotools.mask.merge(pycocotools.mask.frPyObjects(SQUARE, SIDE, SIDE))
    assert found["area"] == pycocotools.mask.area(code)
    assert found["bbox"] == [10, 10, 20, 20]


@pytest.mark.parametrize("box", [[9, 9, 22, 22], [10, 10, 21, 21], [11.5, 10, 18.5, 20]])
def test_boxes_that_count_pixels_in_other_ways_stay(root, box):
    edit(files(root)["instances"], lambda content: first(content).update(segmentation=SQUARE, area=400, bbox=box))
    examined = examine(files(root)["instances"], "instances")
    assert examined.content["annotations"][0]["bbox"] == box
    assert not examined.repairs


@pytest.mark.parametrize("seed", range(5))
def test_run_lengths_are_measured_as_pycocotools_does(root, seed):
    rng = np.random.default_rng(seed)
    mask = np.asfortranarray(rng.random((SIDE, SIDE)) < 0.05 * (seed + 1), dtype=np.uint8)
    mask[:, : 8 * seed] = 0
    code = pycocotools.mask.encode(mask)
    runs = np.diff(np.flatnonzero(np.diff(np.concatenate([[2], mask.ravel("F"), [2]]))))
    listed = {"size": [SIDE, SIDE], "counts": ([] if mask[0, 0] == 0 else [0]) + runs.tolist()}
    for segmentation in ({"size": code["size"], "counts": code["counts"].decode()}, listed):
        edit(files(root)["instances"], put("segmentation", segmentation))
        edit(files(root)["instances"], lambda content: [first(content).pop(k, None) for k in ("area", "bbox")])
        found = load_annotations(files(root)["instances"])["annotations"][0]
        assert found["area"] == mask.sum()
        assert found["bbox"] == pycocotools.mask.toBbox(code).tolist()


@pytest.mark.parametrize(
    "name", [str, lambda number: number + 2**53, lambda number: -number, lambda number: f"stadt/{number}ä"]
)
def test_image_ids_may_be_text_and_large(root, name):
    for path in files(root).values():

        def rename(content):
            for image in content["images"]:
                image["id"] = name(image["id"])
            for annotation in content["annotations"]:
                annotation["image_id"] = name(annotation["image_id"])

        edit(path, rename)
    assert verify(root) == []
    for kind in files(root):
        assert [info["img_id"] for info in build(root, kind)] == [name(number) for number in range(1, 5)]


@pytest.mark.parametrize("area", [0, 1, 10**9, "large", None, [3]])
def test_the_area_of_a_segment_is_measured(root, area):
    notes = []
    edit(files(root)["panoptic"], segment("area", area))
    assert verify(root, notes.append) == []
    (note,) = notes
    assert f"its annotation says {area!r}; pixels count" in note


def test_flags_may_be_true_and_false(root):
    def truly(content):
        for category in content["categories"]:
            category["isthing"] = bool(category["isthing"])
        for annotation in content["annotations"]:
            for part in annotation.get("segments_info", [annotation]):
                part["iscrowd"] = bool(part["iscrowd"])

    before = {kind: load_annotations(path, kind) for kind, path in files(root).items()}
    for path in files(root).values():
        edit(path, truly)
    assert {kind: load_annotations(path, kind) for kind, path in files(root).items()} == before


def test_classes_come_in_the_files_order():
    categories = [
        {"id": 7, "name": "tree", "isthing": 0},
        {"id": 3, "name": "dog", "isthing": 1, "color": [1, 2, 3]},
        {"id": 9, "name": "cat", "isthing": 1},
    ]
    metainfo = class_metainfo(categories)
    assert metainfo["classes"] == ("tree", "dog", "cat")
    assert metainfo["thing_classes"] == ("dog", "cat")
    assert metainfo["stuff_classes"] == ("tree",)
    assert metainfo["palette"][1] == (1, 2, 3)
    assert len(set(metainfo["palette"])) == 3
