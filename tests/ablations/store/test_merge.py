import os
import shutil

import pytest

from ablations.store.merge import commits, merge, unfinished
from ablations.store.pack import in_order, pack
from ablations.store.record_writing import add_facts
from ablations.store.results_frame import read_results
from ablations.store.run_record import RunRecord
from ablations.store.runs import create_run, open_store, read_cells, run_directory, write_sweep
from ablations.store.sources import read_sources
from m2f.errors import InputError


@pytest.fixture
def into(tmp_path):
    return tmp_path / "into"


def taken(into, *sources, say=print):
    return merge(read_sources(sources), into, say)


def test_parts_of_a_sweep_become_the_sweep(finished, into, content):
    first, second, whole = finished("first", seeds=(0,)), finished("second", seeds=(1,)), finished("w", seeds=(0, 1))
    before = content(first)
    assert taken(into, first) == 2
    assert taken(into, second) == 2
    merged = read_results(into)
    assert merged.runs.keys() == read_results(whole).runs.keys()
    assert {tuple(cell.items()) for cell in read_cells(into)} == {tuple(cell.items()) for cell in read_cells(whole)}
    for name, run in read_results(first).runs.items():
        copy, original = content(merged.runs[name].directory), content(run.directory)
        assert copy == {name: text for name, text in original.items() if not name.startswith("claim.")}
    assert content(first) == before


def test_what_is_there_is_not_taken_again(finished, into, content):
    store = finished("store")
    taken(into, store)
    before = content(into)
    assert taken(into, store) == 0
    assert content(into) == before


def test_a_packed_store_is_taken(finished, into, tmp_path):
    store = finished("store")
    pack(read_results(store), tmp_path / "packed", ["9z"])
    assert taken(into, tmp_path / "packed") == 2
    merged = read_results(into)
    assert in_order(merged.frame).values.tolist() == in_order(read_results(store).frame).values.tolist()
    assert all(run.samples and run.losses and run.config for run in merged.runs.values())


def test_the_training_of_an_evaluation_comes_along(finished, into, evaluated_study):
    store = finished("store", studies=[evaluated_study])
    (evaluation,) = read_results(store).runs.values()
    training = finished("training", studies=[evaluated_study])  # its directory stands for the training's
    shutil.copytree(training / "runs" / evaluation.name, run_directory(store, evaluation.source))
    assert taken(into, store) == 2
    assert RunRecord(run_directory(into, evaluation.source)).state.name == "done"
    assert [cell["source"] for cell in read_cells(into)] == [evaluation.source]


def refused(into, content, match, *sources):
    before = content(into)
    with pytest.raises(InputError, match=match):
        taken(into, *sources)
    assert content(into) == before


def test_other_numbers_of_a_run_are_refused(finished, into, content):
    taken(into, finished("one"))
    other = finished("other", lambda metrics: {**metrics, "PQ": metrics["PQ"] + 1e-9}, seeds=(0, 1))
    refused(into, content, r"into and .*other have other numbers for the run \w{16};", other)
    refused(into, content, r"other have other numbers", other)


def test_another_config_of_a_row_is_refused(finished, into, content):
    taken(into, finished("one"))
    other = finished("other", **{"train_cfg.max_iters": 20})
    refused(into, content, r"holds several runs of 9z 'masked' \(panoptic, smoke\), seed 0", other)


def test_what_is_not_finished_stays_where_it_is(finished, plan, into, tmp_path):
    store = finished("store", seeds=(0,))
    cells = plan(seeds=(1,))
    write_sweep(store, cells)
    create_run(store, cells[0].run, tmp_path)
    taken(into, store)
    assert len(list((into / "runs").iterdir())) == 2
    assert unfinished(store, read_results(store)) == 2


def test_an_unfinished_run_in_the_store_is_left_and_said(finished, plan, into, tmp_path):
    cell = plan()[0]
    directory = create_run(open_store(into), cell.run, tmp_path)
    (directory / "iter_5.pth").write_bytes(b"half")
    said = []
    assert taken(into, finished("store"), say=said.append) == 1
    assert (directory / "iter_5.pth").read_bytes() == b"half"
    assert said == [
        f"Left as it is: {directory} is planned; remove it and merge again to take the finished one.",
    ]


def test_links_and_pipes_are_not_followed(finished, into, tmp_path):
    store = finished("store")
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("secret")
    for run in (store / "runs").iterdir():
        (run / "link").symlink_to(secret / "key")
        (run / "folder").symlink_to(secret)
        os.mkfifo(run / "pipe")
        (run / "claim.7").write_text("{}")
    taken(into, store)
    names = {path.name for path in into.rglob("*")}
    assert not names & {"link", "folder", "pipe", "claim.7", "key"} and "iter_10.pth" in names


def test_a_crash_in_the_middle_is_gone_on_from(finished, into, content, monkeypatch):
    store = finished("store")
    before = content(store)
    copies = []

    def die_at_the_second(directory):
        copies.append(directory)
        if len(copies) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        from ablations.store import merge as module

        whole = module._copy
        patch.setattr(module, "_copy", lambda source, target: (die_at_the_second(source), whole(source, target)))
        with pytest.raises(KeyboardInterrupt):
            taken(into, store)
    assert content(store) == before
    assert read_results(into).frame.empty and not read_results(into).damaged
    taken(into, store)
    assert read_results(into).runs.keys() == read_results(store).runs.keys()


def test_a_packed_store_is_no_place_for_it(finished, tmp_path):
    store = finished("store")
    pack(read_results(store), tmp_path / "packed", [])
    with pytest.raises(InputError, match="`m2f pack` adds to it"):
        taken(tmp_path / "packed", store)


def test_commits_are_told(finished):
    store = finished("store")
    found = read_results(store)
    assert commits(found) == ["c" * 12]
    add_facts(next(iter(found.runs.values())).directory, git={"commit": "d" * 40, "dirty": True})
    assert commits(read_results(store)) == ["c" * 12, "d" * 12 + " with local changes"]
