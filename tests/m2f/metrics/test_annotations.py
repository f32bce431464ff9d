import numpy as np
import pytest

from m2f.errors import InputError
from m2f.metrics import InstanceAP, PanopticMeanIoU, PanopticQuality

TRUTH = [(np.full((4, 4), 5, np.int32), [{"id": 5, "category_id": 20}])]


@pytest.mark.parametrize("metric", [PanopticQuality, PanopticMeanIoU])
class TestPanopticGroundTruth:
    def test_missing_file(self, metric, tmp_path, panoptic_truth):
        arguments = panoptic_truth(tmp_path, TRUTH) | {"panoptic_json": str(tmp_path / "no.json")}
        with pytest.raises(InputError, match=r"no\.json"):
            metric(**arguments)

    def test_file_cut_off(self, metric, tmp_path, panoptic_truth):
        arguments = panoptic_truth(tmp_path, TRUTH)
        path = tmp_path / "panoptic.json"
        path.write_bytes(path.read_bytes()[:100])
        with pytest.raises(InputError, match=r"panoptic\.json is not whole JSON"):
            metric(**arguments)

    def test_missing_directory(self, metric, tmp_path, panoptic_truth):
        arguments = panoptic_truth(tmp_path, TRUTH) | {"panoptic_directory": str(tmp_path / "nowhere")}
        with pytest.raises(InputError, match="nowhere does not exist"):
            metric(**arguments)

    def test_missing_png(self, metric, tmp_path, panoptic_truth):
        arguments = panoptic_truth(tmp_path, TRUTH)
        next((tmp_path / "panoptic").iterdir()).unlink()
        with pytest.raises(InputError, match=r"000000000001\.png named in .* is missing"):
            metric(**arguments)

    def test_unknown_category(self, metric, tmp_path, panoptic_truth):
        arguments = panoptic_truth(tmp_path, [(TRUTH[0][0], [{"id": 5, "category_id": 99}])])
        with pytest.raises(InputError, match="uses category 99, which it does not list"):
            metric(**arguments)

    def test_segment_that_lacks_a_field(self, metric, tmp_path, panoptic_truth):
        arguments = panoptic_truth(tmp_path, TRUTH)
        path = tmp_path / "panoptic.json"
        path.write_text(path.read_text().replace('"iscrowd"', '"crowded"'))
        with pytest.raises(InputError, match="has a segment without 'iscrowd'"):
            metric(**arguments)

    def test_class_count_that_does_not_fit(self, metric, tmp_path, panoptic_truth):
        built = metric(**panoptic_truth(tmp_path, TRUTH))
        with pytest.raises(InputError, match="has 4 categories, but the data set has 2 classes"):
            built.dataset_meta = {"classes": ["person", "car"]}

    def test_class_of_another_name(self, metric, tmp_path, panoptic_truth):
        built = metric(**panoptic_truth(tmp_path, TRUTH))
        with pytest.raises(InputError, match="'car', but 'bus' in the data set"):
            built.dataset_meta = {"classes": ["person", "bus", "sky", "road"]}


def test_instance_annotations_without_categories(tmp_path):
    path = tmp_path / "instances.json"
    path.write_text('{"images": [], "annotations": []}')
    with pytest.raises(InputError, match="no list 'categories'"):
        InstanceAP(str(path))
