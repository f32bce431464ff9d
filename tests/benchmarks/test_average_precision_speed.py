"""AP of 100 detections in each of 20 generated scenes of 560 x 560, of fewer where masks are many or the peer slow."""

import pytest

WORKS = {
    "AP, masks run-length encoded": "pycocotools",
    "AP, masks in memory": "pycocotools",
    "boundary AP, masks run-length encoded": "faster-coco-eval",
}
ROWS = [(work, peer, library) for work, peer in WORKS.items() for library in ("m2f", peer)]


@pytest.mark.parametrize(("work", "peer", "library"), ROWS)
def test_average_precision(timed, evaluation_pairs, work, peer, library):
    pair = evaluation_pairs[work, peer]
    timed(work, pair.ours if library == "m2f" else pair.theirs, rounds=3)
