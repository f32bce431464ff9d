import itertools
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m2f.data.images import encode_png, read_segment_ids, segment_colours
from m2f.data.segment_png import decode_segment_ids

NONE, SUB, UP, AVERAGE, PAETH = range(5)


def predictor(kind, left, above, corner):
    if kind == PAETH:
        wanted = left + above - corner
        return min((left, above, corner), key=lambda neighbour: abs(wanted - neighbour))
    return {NONE: 0, SUB: left, UP: above, AVERAGE: (left + above) // 2}[kind]


def filtered(pixels, kinds):
    """Rows of a PNG by its specification, byte by byte."""
    height, width, _ = pixels.shape
    padded = np.zeros((height + 1, width + 1, 3), int)
    padded[1:, 1:] = pixels
    rows = b""
    for y, kind in enumerate(kinds):
        row = [
            (padded[y + 1, x + 1, c] - predictor(kind, padded[y + 1, x, c], padded[y, x + 1, c], padded[y, x, c])) % 256
            for x in range(width)
            for c in range(3)
        ]
        rows += bytes([kind, *row])
    return rows


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, rows, layout=(8, 2, 0, 0, 0), parts=1):
    compressed = zlib.compress(rows)
    cuts = np.linspace(0, len(compressed), parts + 1).astype(int)
    pieces = [compressed[a:b] for a, b in itertools.pairwise(cuts)]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, *layout))
    data = b"".join(chunk(b"IDAT", piece) for piece in pieces)
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"tEXt", b"by hand") + data + chunk(b"IEND", b"")


@settings(deadline=None)  # compiled on first use
@given(st.data())
def test_every_filter(data):
    """Few colours, as in a map of segments, and many, where every byte differs from its neighbours."""
    height, width = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    palette = rng.integers(0, 256, (data.draw(st.sampled_from([2, 5, 200])), 3))
    pixels = palette[rng.integers(0, len(palette), (height, width))]
    kinds = data.draw(st.lists(st.integers(NONE, PAETH), min_size=height, max_size=height))
    content = png(width, height, filtered(pixels, kinds), parts=data.draw(st.integers(1, 3)))
    assert (cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1] == pixels).all()
    assert (decode_segment_ids(content) == pixels @ [1, 256, 65536]).all()


def test_what_opencv_writes():
    rng = np.random.default_rng(0)
    segment_ids = rng.integers(0, 2**24, (5, 7)).repeat(9, axis=0).repeat(11, axis=1).astype(np.int32)
    decoded = decode_segment_ids(encode_png(segment_colours(segment_ids), compression=6))
    assert decoded.dtype == np.int32
    assert (decoded == segment_ids).all()


GREY = encode_png(np.full((4, 5), 7, np.uint8), compression=1)
RGB = png(2, 1, bytes([NONE, 1, 2, 3, 4, 5, 6]))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"dear reader",
        GREY,
        RGB[:20],
        RGB[:-14],
        RGB.replace(RGB[60:70], bytes(10)),
        png(2, 1, bytes([NONE, 1, 2, 3])),
        png(2, 1, bytes([PAETH + 1, 1, 2, 3, 4, 5, 6])),
        png(2, 1, bytes([NONE, 1, 2, 3, 4, 5, 6]), layout=(8, 2, 0, 0, 1)),
    ],
    ids=["empty", "letter", "grey", "no header", "cut off", "damaged", "too short", "no such filter", "interlaced"],
)
def test_what_is_left_to_another_decoder(content):
    assert decode_segment_ids(content) is None


def test_a_plain_rgb_png_is_not_left(tmp_path):
    assert decode_segment_ids(RGB).tolist() == [[1 + 2 * 256 + 3 * 65536, 4 + 5 * 256 + 6 * 65536]]


def test_a_grey_png_is_read_all_the_same(tmp_path):
    (tmp_path / "grey.png").write_bytes(GREY)
    assert (read_segment_ids(tmp_path / "grey.png") == 7 * (1 + 256 + 65536)).all()
