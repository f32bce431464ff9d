"""Where data sets come from, how large they are, and what of them must be there."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A data set to be fetched.

    Attributes:
        place: its directory below that of all data sets.
        sentence: what to fetch from where and how large it is, in the imperative, without a full stop.
        needed: directories that its archives have.
        made: what `m2f data prepare` makes there.
    """

    place: str
    sentence: str
    needed: tuple[str, ...]
    made: tuple[str, ...] = ()


SOURCES = {
    "coco": Source(
        place="coco",
        sentence=(
            "fetch COCO 2017 from https://cocodataset.org/#download (images of train 19 GB and of val 0.8 GB, "
            "instances 0.25 GB, panoptic annotations 0.8 GB)"
        ),
        needed=("annotations",),
    ),
    "ade20k": Source(
        place="ade/ADEChallengeData2016",
        sentence=(
            "fetch ADEChallengeData2016 from http://sceneparsing.csail.mit.edu (0.9 GB) and, for panoptic and instance "
            "segmentation, http://sceneparsing.csail.mit.edu/data/ChallengeData2017/annotations_instance.tar"
        ),
        needed=("images/training", "images/validation", "annotations/training", "annotations/validation"),
        made=("ade20k_panoptic_val.json", "ade20k_instance_val.json"),
    ),
    "cityscapes": Source(
        place="cityscapes",
        sentence=(
            "fetch leftImg8bit_trainvaltest.zip (11 GB) and gtFine_trainvaltest.zip (0.24 GB) from "
            "https://www.cityscapes-dataset.com/downloads, which asks for an account"
        ),
        needed=("leftImg8bit", "gtFine"),
        made=("gtFine/cityscapes_panoptic_val.json",),
    ),
    "mapillary": Source(
        place="mapillary_vistas",
        sentence=(
            "fetch Mapillary Vistas, release 1.2 or 2.0, from https://www.mapillary.com/dataset/vistas (25,000 images, "
            "tens of gigabytes), which asks for an account"
        ),
        needed=("training/images", "validation/images"),
        made=("validation/labels", "validation/panoptic"),
    ),
}
