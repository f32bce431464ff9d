import numpy as np
from PIL import Image

from m2f.data.colours import class_colour, panoptic_picture
from m2f.data.picture import contact_sheet, write_contact_sheet


def test_segments_have_their_classes_colours():
    segment_map = np.zeros((6, 12), dtype=np.int32)
    segment_map[:, :4], segment_map[:, 4:8] = 1, 2
    segments = [{"id": 1, "label": 1}, {"id": 2, "label": 0}]
    picture = panoptic_picture(segment_map, segments, [(10, 20, 30), (100, 150, 200)])
    assert picture[2, 1].tolist() == [100, 150, 200]
    assert picture[2, 5].tolist() == [10, 20, 30]
    assert picture[2, 10].tolist() == [0, 0, 0]
    assert picture[2, 3].tolist() == [50, 75, 100]  # contour


def test_instances_of_a_class_differ_a_little():
    segment_map = np.arange(1, 5, dtype=np.int32).repeat(5)[None].repeat(5, 0)
    segments = [{"id": number, "label": 0} for number in range(1, 5)]
    picture = panoptic_picture(segment_map, segments, [(128, 128, 128)])
    colours = picture[2, 2::5].astype(int)
    assert len(np.unique(colours, axis=0)) == 4
    assert abs(colours - 128).max() < 64


def test_classes_without_colour_get_distinct_ones():
    assert len({class_colour(label) for label in range(150)}) == 150


def test_contact_sheet_is_small_enough_to_keep(tmp_path):
    write_contact_sheet(tmp_path / "scenes.png")
    assert (tmp_path / "scenes.png").stat().st_size < 150_000
    with Image.open(tmp_path / "scenes.png") as image:
        assert image.size == contact_sheet().shape[1::-1]
