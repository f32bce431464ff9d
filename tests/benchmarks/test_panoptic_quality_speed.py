"""PQ of 20 generated scenes of 560 x 560, beside panopticapi's algorithm in mmdet's copy and beside hotcoco."""

import pytest

PEERS = ("panopticapi", "hotcoco")
WORKS = {
    "PQ, predictions in PNG files for the peer": PEERS,
    "PQ, predictions in memory": PEERS,
    "PQ, predictions in PNG files for both": PEERS[1:],
}
ROWS = [
    (work, peers[-1] if library == "m2f" else library, library)
    for work, peers in WORKS.items()
    for library in ("m2f", *peers)
]


@pytest.mark.parametrize(("work", "peer", "library"), ROWS)
def test_panoptic_quality(timed, evaluation_pairs, work, peer, library):
    pair = evaluation_pairs[work, peer]
    timed(work, pair.ours if library == "m2f" else pair.theirs)
