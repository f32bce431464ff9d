import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ablations.comparing.designs import compare_designs, paired_test
from ablations.store.record_writing import add_facts
from ablations.store.results_frame import read_results
from m2f.errors import InputError

PQ = {"plain": [40.0, 42.5, 41.0], "masked": [48.0, 47.0, 49.5]}
CLASSES = {"plain": {"disk": 10.0, "sand": 70.0, "bar": None}, "masked": {"disk": 12.0, "sand": 50.0, "bar": None}}
IMAGES = {"plain": {"3": 20.0, "1": 30.0}, "masked": {"3": 21.0, "1": 70.0}}


def leave(directory, cell):
    """Leave what a training leaves; values of a class and image rise by the seed."""
    variant, seed = cell.variant, cell.run.seed
    value = PQ[variant][seed]
    for name, column, values in (("per_class", "class", CLASSES), ("per_image", "image", IMAGES)):
        lines = [f"{key},x,{'' if own is None else own + seed}" for key, own in values[variant].items()]
        (directory / f"{name}.csv").write_text("\n".join([f"{column},kind,PQ", *lines]) + "\n")
    return {"PQ": value, "RQ": value + 10} | ({"SQ": 80.0} if seed else {})


@pytest.fixture
def finished(plan, have_done):
    """A store with three seeds of two designs."""
    return have_done(plan(seeds=(0, 1, 2)), leave)


def one(frame, **keys):
    """The one line with these values."""
    for name, value in keys.items():
        frame = frame[frame[name] == value]
    (record,) = frame.to_dict("records")
    return record


def test_metrics_with_a_paired_test(finished):
    found = compare_designs(read_results(finished), ["9z:masked", "plain"], "panoptic", "smoke")
    assert [design.label for design in found.designs] == ["9z:masked", "9z:plain"]
    own = one(found.metrics, metric="PQ", design="9z:plain")
    differences = np.subtract(PQ["plain"], PQ["masked"])
    expected = stats.ttest_rel(PQ["plain"], PQ["masked"])
    low, high = expected.confidence_interval()
    assert own["mean"] == pytest.approx(np.mean(PQ["plain"]))
    assert own["difference"] == pytest.approx(differences.mean())
    assert (own["difference_low"], own["difference_high"]) == pytest.approx((low, high))
    assert (own["p"], own["n"], own["pairs"]) == (pytest.approx(expected.pvalue), 3, 3)
    assert pd.isna(one(found.metrics, metric="PQ", design="9z:masked")["difference"])
    assert list(found.metrics["metric"].unique()) == ["PQ", "RQ", "SQ"]


def test_differences_that_do_not_vary_have_no_p(finished):
    found = compare_designs(read_results(finished), ["masked", "plain"], "panoptic", "smoke")
    own = one(found.metrics, metric="SQ", design="9z:plain")
    assert (own["difference"], own["n"], own["pairs"]) == (0, 2, 2)
    assert pd.isna(own["p"])


def test_differences_that_vary_by_rounding_alone_have_no_p():
    assert np.isnan(paired_test([0.1 + 0.2, 0.3, 0.3]))
    assert paired_test([0.1, 0.3, 0.2]) == pytest.approx(stats.ttest_1samp([0.1, 0.3, 0.2], 0).pvalue)


def test_classes_and_images_that_differ_most_come_first(finished):
    found = compare_designs(read_results(finished), ["masked", "plain"], "panoptic", "smoke")
    assert list(found.classes["class"].unique()) == ["sand", "disk", "bar"]
    assert list(found.images["image"].unique()) == ["1", "3"]
    own = one(found.classes, **{"class": "sand", "design": "9z:plain"})
    assert (own["mean"], own["difference"]) == pytest.approx((71, 20))
    assert one(found.classes, **{"class": "bar", "design": "9z:plain"})["n"] == 0
    assert one(found.images, image="1", design="9z:plain")["difference"] == pytest.approx(-40)


def test_only_common_seeds_are_paired(finished, plan):
    lost = next(cell.run for cell in plan(seeds=(1,)) if cell.variant == "plain")
    (finished / "runs" / lost.name / "state.json").write_text(json.dumps({"state": "failed"}))
    found = compare_designs(read_results(finished), ["masked", "plain"], "panoptic", "smoke")
    own = one(found.metrics, metric="PQ", design="9z:plain")
    assert (own["n"], own["pairs"]) == (2, 2)
    assert own["difference"] == pytest.approx(np.mean([40 - 48, 41 - 49.5]))


def test_runs_that_keep_no_details(finished):
    next(finished.glob("runs/*/per_class.csv")).unlink()
    found = compare_designs(read_results(finished), ["masked", "plain"], "panoptic", "smoke")
    assert found.classes.empty and not found.images.empty


def test_runs_that_were_not_made_alike(finished, plan, have_done):
    assert compare_designs(read_results(finished), ["masked", "plain"], "panoptic", "smoke").changes == ()
    store = have_done(plan(seeds=(3,), **{"train_cfg.max_iters": 3}), lambda *_: {"PQ": 1.0})
    found = compare_designs(read_results(store), ["masked", "plain"], "panoptic", "smoke")
    assert found.changes == ("train_cfg.max_iters=3 in 2 of 8 runs (seed 3)",)


def test_images_of_other_data_are_not_compared(finished, plan):
    run = next(cell.run for cell in plan(seeds=(2,)) if cell.variant == "plain")
    add_facts(finished / "runs" / run.name, data_fingerprint="f" * 64)
    found = compare_designs(read_results(finished), ["masked", "plain"], "panoptic", "smoke")
    assert found.changes == ("data of other content in 1 of 6 runs (plain, seed 2)",)
    assert found.on_other_data and found.images.empty and not found.classes.empty


def test_damaged_details(finished):
    path = next(finished.glob("runs/*/per_class.csv"))
    path.write_text("class\ndisk\n")
    with pytest.raises(InputError, match=r"per_class.csv cannot be used \(it has no readable column 'PQ'\)"):
        compare_designs(read_results(finished), ["masked", "plain"], "panoptic", "smoke")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["9z:masked"], "takes two rows or more"),
        (["masked", "9z:Masked"], "takes two rows or more"),
        (["masked", "9z:plein"], r"no finished run of '9z:plein' \(panoptic, smoke\) \(did you mean '9z:plain'\?\)"),
        (["masked", "4c:SMCA"], "`m2f run 4c --scale smoke --tasks panoptic --store .*` makes one"),
    ],
)
def test_rows_that_cannot_be_compared(finished, words, sentence):
    with pytest.raises(InputError, match=sentence):
        compare_designs(read_results(finished), words, "panoptic", "smoke")


def test_a_row_of_several_tables_is_to_be_named_with_its_table(finished, plan, evaluated_study, have_done):
    have_done(plan(studies=(evaluated_study,)), lambda *_: {"PQ": 1.0})
    with pytest.raises(InputError, match="'masked' is a row of several tables; name one of '9z:masked', '9e:masked'"):
        compare_designs(read_results(finished), ["masked", "plain"], "panoptic", "smoke")
    found = compare_designs(read_results(finished), ["9e:masked", "9z:plain"], "panoptic", "smoke")
    assert one(found.metrics, metric="PQ", design="9z:plain")["pairs"] == 1
    assert found.classes.empty and found.images.empty, "an evaluation keeps no values by class and image"


def test_different_runs_of_one_row_and_seed(finished, plan, have_done):
    have_done(plan(**{"train_cfg.max_iters": 9}), lambda *_: {"PQ": 1.0})
    with pytest.raises(InputError, match=r"holds several runs of 9z 'masked' \(panoptic, smoke\), seed 0"):
        compare_designs(read_results(finished), ["masked", "plain"], "panoptic", "smoke")
