from m2f.timing.evaluation import compare_evaluation

PEERS = ["panopticapi"] * 2 + ["hotcoco"] * 3 + ["pycocotools"] * 2 + ["faster-coco-eval"]


def test_numbers_are_equal_and_all_is_timed():
    results = compare_evaluation(images=3, detections=12, repeats=1)
    assert [result.peer for result in results] == PEERS
    assert [result.images for result in results] == [3, 3, 3, 3, 3, 3, 1, 1]
    assert max(result.difference for result in results) < 1e-9
    for result in results:
        assert result.ours > 0
        assert result.ratio == result.theirs / result.ours
