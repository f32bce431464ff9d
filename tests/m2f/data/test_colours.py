import numpy as np

from m2f.data.colours import class_colour, panoptic_picture


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
