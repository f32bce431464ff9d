import cv2
import numpy as np
import pytest

from m2f.engine.evaluate import last_checkpoint
from m2f.engine.kept.error_pictures import OTHER_CLASS
from m2f.engine.redraw import drawn_predictions
from m2f.errors import InputError

EVERY_SEGMENT = {"model.panoptic": {"score": 0.0, "overlap": 0.0}}


def test_images_are_drawn_as_the_training_drew_them(smoke, trained):
    drawn = drawn_predictions(smoke(**EVERY_SEGMENT), last_checkpoint(trained), ["3", "1"])
    kinds = ("image", "truth", "prediction", "errors")
    assert list(drawn) == [f"{image}_{kind}.png" for image in ("3", "1") for kind in kinds]
    for name, picture in drawn.items():
        if not name.endswith("_errors.png"):
            assert picture == (trained / "samples" / name).read_bytes()


def test_what_is_wrong_is_in_colour(smoke, trained):
    """A prediction of no training is wrong nearly everywhere."""
    picture = drawn_predictions(smoke(**EVERY_SEGMENT), last_checkpoint(trained), ["1"])["1_errors.png"]
    decoded = cv2.cvtColor(cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert (decoded == OTHER_CLASS).all(axis=2).mean() > 0.3


def test_nothing_is_written_where_the_training_is_shown(smoke, trained, tmp_path):
    shown = [{"type": "TensorboardVisBackend", "save_dir": str(tmp_path)}]
    drawn_predictions(smoke(**{"visualizer.vis_backends": shown}), last_checkpoint(trained), ["1"])
    assert list(tmp_path.iterdir()) == []


def test_an_image_that_is_not_there(smoke, trained):
    with pytest.raises(InputError, match="has no image '99' now"):
        drawn_predictions(smoke(), last_checkpoint(trained), ["99"])
