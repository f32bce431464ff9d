import json
import lzma
import shutil

import numpy as np
import pandas as pd
import pytest

from ablations.store.merge import merge
from ablations.store.pack import pack, pictured_runs
from ablations.store.packed import RESULTS, read_frame, read_packed
from ablations.store.results_frame import read_results
from ablations.store.sources import read_source, read_sources
from m2f.errors import InputError


@pytest.fixture
def packed(tmp_path):
    """Pack sources into a directory."""

    def make(name, *sources, pictured=("9z",)):
        directory = tmp_path / name
        there = [directory] if directory.exists() else []
        pack(read_sources([*there, *sources]), directory, pictured)
        return directory

    return make


def by_cell(frame):
    return frame.sort_values(["table", "variant", "seed", "metric"], ignore_index=True)


def test_a_packed_store_has_what_the_store_has(finished, packed, tmp_path):
    store = finished("store", seeds=(0, 1))
    found, original = read_source(packed("packed", store)), read_results(store)
    pd.testing.assert_frame_equal(by_cell(found.frame), by_cell(original.frame))
    assert found.damaged == () and found.runs.keys() == original.runs.keys()
    for name, run in original.runs.items():
        copy = found.runs[name]
        for fact in ("metrics", "seconds", "config", "losses", "environment", "git"):
            assert getattr(copy, fact) == getattr(run, fact) != {}, fact
        assert {**run.identity, "data_directory": "data"} == copy.identity
        assert (copy.state.started, copy.state.finished) == (run.state.started, run.state.finished)
        assert copy.history[0]["metrics"]["PQ"] == pytest.approx(run.metrics["PQ"], rel=1e-4)


def test_details_keep_four_digits_and_ids_all(finished, packed):
    run = next(iter(read_source(packed("packed", finished("store"))).runs.values()))
    assert run.per_class("PQ").dropna().to_dict() == {"disk": 41.23}
    assert run.per_class("segments").to_dict() == {"disk": 12345678, "sand": 3}
    assert run.per_image("PQ").to_dict() == {"007.123456": 40.12}
    assert run.image_parts("mIoU").tolist() == [[[np.float32(0.9123), 0], [1, 16384]]]
    assert run.image_parts("PQ") is None
    assert run.files["parts.csv"] == b"image,class,IoU\n7,disk,0.9877\n", "a table that it does not know"


def test_nothing_tells_of_a_place_a_host_or_a_process(finished, packed):
    for path in (packed("packed", finished("store")) / "runs").glob("*.json.xz"):
        record = json.loads(lzma.decompress(path.read_bytes()))
        assert "log.txt" not in record and "iter_10.pth" not in record
        assert not any(word in text for text in record.values() for word in ("own-place", '"pid"', '"host"'))


def test_the_same_runs_give_the_same_bytes_in_whatever_parts(finished, packed, content):
    first, second = finished("first", seeds=(0,)), finished("second", seeds=(1, 2))
    at_once = packed("at once", first, second)
    assert content(packed("otherwise", second, first)) == content(at_once)
    packed("in parts", first)
    assert content(packed("in parts", second)) == content(at_once)
    assert content(packed("of packed", packed("one", first), packed("other", second))) == content(at_once)


def test_a_record_that_is_there_is_not_written_again(finished, packed):
    directory = packed("packed", finished("first", seeds=(0,)))
    before = {path: path.stat().st_ino for path in directory.rglob("*.*") if path.name != RESULTS}
    packed("packed", finished("second", seeds=(0, 1)))
    assert len(list(directory.glob("runs/*.json.xz"))) == 4
    assert {path: path.stat().st_ino for path in before} == before


def test_pictures_of_the_first_seed(finished, packed):
    store = finished("store", seeds=(1, 2))
    found = read_source(packed("packed", store))
    with_pictures = {name for name, run in found.runs.items() if run.samples}
    assert with_pictures == {name for name, run in read_results(store).runs.items() if run.identity["seed"] == 1}
    assert pictured_runs(found.frame, ("4c",)) == []


def test_a_crash_in_between_leaves_a_whole_packed_store(finished, packed, content, monkeypatch):
    directory = packed("packed", finished("first", seeds=(0,)))
    before = content(directory)
    second = finished("second", seeds=(1,))
    with monkeypatch.context() as patch:
        patch.setattr("ablations.store.pack.in_order", lambda frame: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            packed("packed", second)
    assert content(directory).items() >= before.items()
    found = read_packed(directory)
    assert len(found.runs) == 2 and len(found.damaged) == 2 and "pack it again" in found.damaged[0]
    assert content(packed("packed", second)) == content(packed("at once", directory, second))


def damage_number(directory):
    file = directory / RESULTS
    file.write_text(file.read_text().replace("40.0", "41.0", 1))


def cut_off(directory):
    path = next((directory / "runs").glob("*.json.xz"))
    path.write_bytes(path.read_bytes()[:-20])


def rewrite(files):
    def damage(directory):
        path = next((directory / "runs").glob("*.json.xz"))
        path.write_bytes(lzma.compress(json.dumps(files(json.loads(lzma.decompress(path.read_bytes())))).encode()))

    return damage


HOSTILE = {
    "cut off": cut_off,
    "a way out": rewrite(lambda files: {**files, "../../escaped.csv": "x"}),
    "a claim": rewrite(lambda files: {**files, "claim.9": "{}"}),
    "no texts": rewrite(lambda files: {**files, "run.json": 5}),
    "a list": rewrite(lambda files: [1]),
    "damaged metrics": rewrite(lambda files: {**files, "metrics.json": "{"}),
    "too large": rewrite(lambda files: {**files, "parts.csv": "0" * 2**26}),
}


@pytest.mark.parametrize("deed", HOSTILE)
def test_a_damaged_record_is_named_and_left_out(deed, finished, packed, tmp_path, content):
    directory = packed("packed", finished("store"))
    HOSTILE[deed](directory)
    found = read_packed(directory)
    assert len(found.runs) == len(set(found.frame["run"])) == 1
    (sentence,) = found.damaged
    assert sentence.startswith("Left out: ") and str(directory / "runs") in sentence and "pack it again" in sentence
    merge(found, tmp_path / "merged", print)
    assert not any("escaped" in name for name in content(tmp_path))
    before = content(directory)
    with pytest.raises(InputError, match="has a damaged record of the run"):
        packed("packed", finished("another", seeds=(5,)))
    assert content(directory) == before


def test_a_damaged_record_is_mended_from_the_store(finished, packed, content):
    store = finished("store")
    directory = packed("packed", store)
    whole = content(directory)
    cut_off(directory)
    assert content(packed("packed", store)) == whole


def test_a_frame_that_says_otherwise_than_the_records(finished, packed):
    directory = packed("packed", finished("store"))
    damage_number(directory)
    with pytest.raises(InputError, match=r"results.csv has other numbers of the run \w+ than its record"):
        read_packed(directory)


def test_a_results_frame_alone_is_numbers_alone(finished, packed, tmp_path):
    store = finished("store")
    directory = packed("packed", store)
    shutil.copy(directory / RESULTS, tmp_path / "copy.csv")
    found = read_source(tmp_path / "copy.csv")
    assert [run.recorded for run in found.runs.values()] == [False, False]
    assert all(run.metrics == read_results(store).runs[name].metrics for name, run in found.runs.items())
    assert all(run.recorded for run in read_sources([tmp_path / "copy.csv", store]).runs.values()), (
        "the store tells more"
    )
    with pytest.raises(InputError, match="has numbers alone"):
        merge(found, tmp_path / "merged", print)
    assert not (tmp_path / "merged").exists()


def test_words_that_pandas_takes_for_nothing(finished, packed, tmp_path):
    frame = read_results(finished("store")).frame.replace({"variant": {"masked": "None", "plain": "NA"}})
    frame.to_csv(tmp_path / "words.csv", index=False)
    assert set(read_frame(tmp_path / "words.csv")["variant"]) == {"None", "NA"}


def test_a_store_is_no_place_for_it(finished, packed, content):
    store = finished("store")
    before = content(store)
    with pytest.raises(InputError, match="is a store"):
        packed("store", finished("other", seeds=(4,)))
    assert content(store) == before
