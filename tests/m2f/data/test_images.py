"""Images are read as they are stored, whole, of 8 bits and of the size that is stated, or not at all."""

import io
import shutil
import struct
import tracemalloc
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from m2f.data.headers import PNG, orientation
from m2f.data.images import (
    check_labels,
    encode_png,
    names_by_path,
    read_image,
    read_labels,
    read_segment_ids,
    segment_colours,
)
from m2f.data.verify import verify
from m2f.errors import InputError

SIZE = (48, 64)


@pytest.fixture
def pixels():
    """A smooth picture, RGB [H, W, 3], so that lossy files differ little."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.stack([rows * 5, columns * 3, rows + columns], axis=-1).astype(np.uint8)


def save(path, image, **arguments):
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **arguments)
    return path


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width, height, compressed, bits=8, colour=2):
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return PNG + chunk(b"IHDR", header) + chunk(b"IDAT", compressed) + chunk(b"IEND", b"")


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_pixels_come_as_stored_whatever_exif_says(tmp_path, pixels, suffix, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    path = save(tmp_path / f"turned.{suffix}", pixels, exif=exif)
    plain = save(tmp_path / f"plain.{suffix}", pixels)
    assert orientation(path.read_bytes()) == turn
    np.testing.assert_array_equal(read_image(path, SIZE), read_image(plain, SIZE))
    assert read_image(path).shape == (*SIZE, 3)


def test_a_turned_tiff_is_refused(tmp_path, pixels):
    """OpenCV turns it, asked or not."""
    exif = Image.Exif()
    exif[0x0112] = 6
    with pytest.raises(InputError, match=r"a\.tif is a TIFF to be turned, .*; save it upright"):
        read_image(save(tmp_path / "a.tif", pixels, exif=exif), SIZE)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("a.png", "RGB"), ("a.png", "RGBA"), ("a.png", "L"), ("a.png", "P"), ("a.png", "LA"), ("a.png", "1"),
        ("a.jpg", "RGB"), ("a.jpg", "L"), ("a.jpg", "CMYK"), ("a.gif", "P"), ("a.gif", "L"), ("a.bmp", "RGB"),
        ("a.bmp", "L"), ("a.tif", "RGB"), ("a.tif", "L"), ("a.webp", "RGB"), ("a.webp", "RGBA"), ("a.ppm", "RGB"),
        ("a.pgm", "L"),
    ],
)  # fmt: skip
def test_all_kinds_of_8_bits_are_read(tmp_path, pixels, name, mode):
    path = save(tmp_path / name, Image.fromarray(pixels).convert(mode))
    image = read_image(path, SIZE)
    assert image.shape == (*SIZE, 3)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, cv2.imread(str(path)))  # as before there was a reader of our own
    if mode in ("RGB", "RGBA") and not name.endswith(("jpg", "webp")):
        np.testing.assert_array_equal(image[:, :, ::-1], pixels)


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
@pytest.mark.parametrize("read", [read_image, read_segment_ids, read_labels])
def test_sixteen_bits_are_refused(tmp_path, suffix, read):
    deep = np.arange(SIZE[0] * SIZE[1], dtype=np.uint16).reshape(SIZE) % 4096
    path = tmp_path / f"deep.{suffix}"
    cv2.imwrite(str(path), deep)
    match = (
        "neither grey of 8 bits nor of a palette" if read is read_labels else "has 16 bits a channel; convert it to 8"
    )
    with pytest.raises(InputError, match=rf"deep\.{suffix} .*{match}|deep\.{suffix} has 16 bits"):
        read(path, SIZE)


def test_colours_of_sixteen_bits_are_refused(tmp_path, pixels):
    cv2.imwrite(str(tmp_path / "deep.png"), pixels.astype(np.uint16) * 16)
    with pytest.raises(InputError, match=r"deep\.png has 16 bits a channel; convert it to 8"):
        read_image(tmp_path / "deep.png", SIZE)


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "bmp", "webp", "tif"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.98])
def test_files_that_are_cut_off_are_refused(tmp_path, suffix, share):
    rng = np.random.default_rng(0)
    path = save(tmp_path / f"cut.{suffix}", rng.integers(0, 255, (*SIZE, 3), dtype=np.uint8))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match=rf"cut\.{suffix} is not a (whole|readable) image"):
        read_image(path, SIZE)


def test_a_jpeg_whose_end_is_zeros_is_refused(tmp_path, pixels):
    path = save(tmp_path / "holes.jpg", pixels)
    content = path.read_bytes()
    path.write_bytes(content[:-200] + bytes(200))
    with pytest.raises(InputError, match=r"holes\.jpg is not a whole image: its end is empty"):
        read_image(path, SIZE)


@pytest.mark.parametrize("more", [b"\0\0", b"and a word"])
def test_a_jpeg_with_something_behind_it_is_read(tmp_path, pixels, more):
    path = save(tmp_path / "tail.jpg", pixels)
    before = read_image(path, SIZE)
    path.write_bytes(path.read_bytes() + more)
    np.testing.assert_array_equal(read_image(path, SIZE), before)


def test_a_png_with_a_wrong_checksum_is_refused(tmp_path, pixels):
    path = save(tmp_path / "flipped.png", pixels)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    for read in (read_image, read_segment_ids):
        with pytest.raises(InputError, match=r"flipped\.png is not a readable image"):
            read(path, SIZE)


@pytest.mark.parametrize("read", [read_image, read_segment_ids, read_labels])
@pytest.mark.parametrize("size", [SIZE, None])
def test_a_header_that_asks_for_gigabytes_is_refused(tmp_path, read, size):
    path = tmp_path / "huge.png"
    path.write_bytes(png(20000, 20000, zlib.compress(bytes(100)), colour=0 if read is read_labels else 2))
    tracemalloc.start()
    with pytest.raises(InputError, match=r"huge\.png .*\(20000, 20000\) pixels high and wide"):
        read(path, size)
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()


@pytest.mark.parametrize("read", [read_image, read_segment_ids])
def test_a_file_that_inflates_to_gigabytes_takes_no_more_than_its_image(tmp_path, read):
    squeeze = zlib.compressobj(9)
    compressed = b"".join(squeeze.compress(bytes(10**6)) for _ in range(400)) + squeeze.flush()
    path = tmp_path / "bomb.png"
    path.write_bytes(png(SIZE[1], SIZE[0], compressed))
    tracemalloc.start()
    try:
        pixels = read(path, SIZE)
        assert not pixels.any()
    except InputError as error:
        assert str(error).startswith(str(path))
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


@pytest.mark.parametrize(
    "content", [b"", b"no image", PNG, b"\xff\xd8", b"\xff\xd8\xff\xe0", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"GIF89a"]
)
@pytest.mark.parametrize("read", [read_image, read_segment_ids, read_labels])
def test_files_that_are_no_images_are_refused(tmp_path, content, read):
    (tmp_path / "letter.png").write_bytes(content)
    with pytest.raises(InputError, match=r"letter\.png is not a (whole|readable) image"):
        read(tmp_path / "letter.png")


def test_a_directory_is_no_image(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_image(tmp_path)


def test_another_size_is_said_before_anything_is_decoded(tmp_path, pixels):
    path = save(tmp_path / "a.jpg", pixels)
    with pytest.raises(InputError, match=r"a\.jpg is \(48, 64\) pixels high and wide, its annotations say \(64, 48\)"):
        read_image(path, (64, 48))


class TestLabels:
    def test_grey_and_palettes_are_read_by_number(self, tmp_path):
        labels = np.arange(12, dtype=np.uint8).reshape(3, 4)
        palette = Image.fromarray(labels)
        palette.putpalette([value for number in range(256) for value in (255 - number, number, 7)])
        for path in (save(tmp_path / "grey.png", labels), save(tmp_path / "palette.png", palette)):
            np.testing.assert_array_equal(read_labels(path, (3, 4)), labels)

    def test_colours_are_refused(self, tmp_path, pixels):
        with pytest.raises(InputError, match=r"a\.png has no labels"):
            read_labels(save(tmp_path / "a.png", pixels))

    @pytest.mark.parametrize(
        ("name", "arguments", "what"),
        [
            ("a.jpg", {"quality": 100}, "JPEG"),
            ("a.webp", {}, "lossy WebP"),
            ("a.tif", {"compression": "jpeg"}, "TIFF with JPEG's compression"),
            ("a.jp2", {"irreversible": True}, "lossy JPEG 2000"),
        ],
    )
    def test_formats_that_change_labels_are_refused(self, tmp_path, name, arguments, what):
        labels = (np.arange(48 * 64).reshape(48, 64) % 5).astype(np.uint8)
        path = save(tmp_path / name, labels, **arguments)
        with pytest.raises(
            InputError, match=rf"a\.\w+ is a {what}, which changes labels; save the map as PNG, from the"
        ):
            read_labels(path)

    @pytest.mark.parametrize(
        ("name", "arguments"), [("a.tif", {"compression": "tiff_lzw"}), ("a.jp2", {}), ("a.gif", {})]
    )
    def test_formats_that_keep_labels_are_read(self, tmp_path, name, arguments):
        labels = (np.arange(48 * 64).reshape(48, 64) % 5).astype(np.uint8)
        np.testing.assert_array_equal(read_labels(save(tmp_path / name, labels, **arguments)), labels)

    def test_grey_of_few_bits_is_refused(self, tmp_path):
        """Pillow and OpenCV would multiply its labels."""
        (tmp_path / "a.png").write_bytes(png(2, 1, zlib.compress(b"\0\x12"), bits=4, colour=0))
        with pytest.raises(InputError, match=r"a\.png has no labels"):
            read_labels(tmp_path / "a.png")

    @pytest.mark.parametrize(("label", "fits"), [(0, True), (10, True), (255, True), (11, False), (254, False)])
    def test_labels_are_classes_or_void(self, label, fits):
        labels = np.array([[0, label]], np.uint8)
        if fits:
            check_labels("a.png", labels, 11)
        else:
            with pytest.raises(InputError, match=rf"a\.png has label {label}, but there are 11 classes; void is 255"):
                check_labels("a.png", labels, 11)

    def test_labels_that_begin_with_1_are_named_as_in_the_file(self):
        with pytest.raises(InputError, match=r"a\.png has label 151, but there are 150 classes from 1; void is 0"):
            check_labels("a.png", np.array([[150]], np.uint8), 150, first=1)


def test_verify_notes_turned_images_and_takes_them(scenes_root, tmp_path):
    root = shutil.copytree(scenes_root, tmp_path / "copy")
    (root / "manifest.json").unlink()
    path = root / "val2017/000000000001.png"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(io.BytesIO(path.read_bytes())).save(path, exif=exif)
    notes = []
    assert verify(root, notes.append) == []
    assert [note.partition(" says")[0] for note in notes] == [str(path)]


@settings(deadline=None)  # the decoder is compiled on first use
@given(hnp.arrays(np.int32, st.tuples(st.integers(1, 8), st.integers(1, 8)), elements=st.integers(0, 2**24 - 1)))
def test_segment_ids_survive_a_panoptic_png(tmp_path_factory, segment_ids):
    path = tmp_path_factory.mktemp("png") / "panoptic.png"
    path.write_bytes(encode_png(segment_colours(segment_ids), compression=1))
    assert (read_segment_ids(path) == segment_ids).all()


def test_more_bits_than_eight_are_told_by_the_file_not_by_the_mode(tmp_path):
    deep = np.full((4, 5, 3), 4000, np.uint16)
    cv2.imwrite(str(tmp_path / "deep.tif"), deep)
    (tmp_path / "deep.ppm").write_bytes(b"P6\n# made by hand\n5 4\n4095\n" + deep.astype(">u2").tobytes())
    for name in ("deep.tif", "deep.ppm"):
        with pytest.raises(InputError, match=rf"{name} has (12|16) bits"):
            read_image(tmp_path / name)


class Listed:
    """As much of a data set as tells its images."""

    def __init__(self, *infos):
        self.infos = infos
        self.data_prefix = {"img_path": "fields/images"}

    def __len__(self):
        return len(self.infos)

    def get_data_info(self, index):
        return self.infos[index]


def test_images_of_one_name_are_told_apart_by_their_directories():
    places = ["fields/images/a/0.png", "fields/images/b/0.png", "fields/images/b/1.png", "elsewhere/0.png"]
    names = names_by_path(Listed(*({"img_path": place} for place in places)))
    assert list(names.items()) == list(zip(places, ["a/0", "b/0", "1", "elsewhere/0"], strict=True))
    assert names_by_path(Listed({"img_path": "x/0.png", "img_id": 7})) == {"x/0.png": 7}
    with pytest.raises(InputError, match=r"has the image x/0\.png twice; list it once"):
        names_by_path(Listed(*2 * [{"img_path": "x/0.png"}]))
