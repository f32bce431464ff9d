import io

import pytest
from PIL import Image

from ablations.reports.samples import IMAGES, LONGEST_SIDE, gallery
from ablations.store.run_record import RunRecord


@pytest.fixture
def runs(tmp_path):
    def draw(name, image_ids, size=(8, 6), shade=0):
        directory = tmp_path / name / "samples"
        directory.mkdir(parents=True)
        for image_id in image_ids:
            for kind in ("image", "truth", "prediction"):
                Image.new("RGB", size, (shade, len(kind), 0)).save(directory / f"{image_id}_{kind}.png")
        return RunRecord(tmp_path / name)

    return draw


def test_every_design_shows_the_same_images(runs):
    designs = {"a": runs("a", [2, 10, 33], shade=1), "b": runs("b", [10, 2, 7], shade=2)}
    rows, files = gallery(designs)
    assert [row["id"] for row in rows] == ["2", "10"]
    for row in rows:
        assert [Image.open(io.BytesIO(files[name])).getpixel((0, 0))[0] for name in row["predictions"]] == [1, 2]
        assert Image.open(io.BytesIO(files[row["truth"]])).getpixel((0, 0)) == (1, len("truth"), 0)


def test_many_images_are_thinned_evenly(runs):
    rows, _ = gallery({"a": runs("a", range(10))})
    assert [row["id"] for row in rows] == ["0", "4", "9"] and len(rows) == IMAGES


def test_large_images_are_shrunk_and_small_ones_kept_as_they_are(runs):
    large, small = runs("a", [1], size=(1000, 500)), runs("b", [1])
    rows, files = gallery({"a": large, "b": small})
    shrunk, kept = rows[0]["predictions"]
    assert shrunk.endswith(".jpg") and Image.open(io.BytesIO(files[shrunk])).size == (LONGEST_SIDE, LONGEST_SIDE // 2)
    assert kept.endswith(".png") and files[kept] == (small.directory / "samples" / "1_prediction.png").read_bytes()


def test_a_run_shown_in_two_tables_is_one_set_of_files(runs):
    shared, other = runs("a", [1], shade=1), runs("b", [1], shade=2)
    _, first = gallery({"baseline": shared})
    _, both = gallery({"masked attention": shared, "other": other})
    assert len(first) == 2 and first.items() < both.items() and len(both) == 3


def test_no_samples_no_gallery(runs, tmp_path):
    assert gallery({"a": runs("a", [1]), "b": RunRecord(tmp_path)}) == ([], {})
    assert gallery({}) == ([], {})
