import pytest

from ablations.reports.cheapest_row import cheapest
from ablations.reports.section import Section
from ablations.reports.text import MINUS
from ablations.studies.study import Study, Variation

KEY = "model.pixel_decoder.type"
STUDY = Study(
    table="S3",
    title="pixel decoders",
    baseline="dear",
    variations=(
        Variation("dear", {"train_cfg": "short"}),
        Variation("dearer", {"train_cfg": "short", KEY: "A"}),
        Variation("middle", {"train_cfg": "short", KEY: "B", "model.pixel_decoder.num_layers": 2}),
        Variation("cheap", {"train_cfg": "short", KEY: "C"}),
        Variation("attention", {"train_cfg": "short", "model.transformer_decoder.cross_attention.type": "D"}),
    ),
    tasks=("panoptic",),
)
FLOPS = {"dear": 226e9, "dearer": 258e9, "middle": 150e9, "cheap": 100e9, "attention": 90e9}


def said(flops=FLOPS, study=STUDY, **sides):
    rows = [
        ({"variant": name, "difference": -0.1, "difference_low": -0.5, "difference_high": 0.3, "unit": "%"}, side)
        for name, side in sides.items()
    ]
    section = Section(study, "mini", None, None, None, "mini", flops)
    return " ".join(cheapest(section, rows, ("level", "above"), "below")).replace(MINUS, "-")


def test_the_cheapest_that_is_level_or_above():
    found = said(dearer="level", middle="above", cheap="level")
    assert found == (
        "Of 2 cheaper pixel decoders run, the cheapest that is known to be level with the baseline or above it "
        "is cheap, -0.1 (-0.5 to +0.3), with 100 GFLOPs on COCO panoptic at the paper's scale, where the baseline "
        "has 226."
    )


def test_one_of_which_nothing_can_be_told_is_not_recommended_but_named():
    found = said(middle="level", cheap="below what this can tell")
    assert "or above it is middle," in found
    assert found.endswith("has 226; of 1 cheaper still nothing can be told (cheap).")
    dearer_untold = said(middle="below what this can tell", cheap="level")
    assert "is cheap," in dearer_untold and "nothing" not in dearer_untold


@pytest.mark.parametrize(
    ("sides", "sentence"),
    [
        ({"middle": "below", "cheap": "below"}, "Of 2 cheaper pixel decoders run, none is known to be level "
         "with the baseline or above it: all are below it."),
        ({"middle": "below", "cheap": "untold"}, "Of 2 cheaper pixel decoders run, none is known to be level "
         "with the baseline or above it; of 1 nothing can be told (cheap)."),
        ({"cheap": "below"}, "Of 1 cheaper pixel decoder run, none is known to be level with the baseline or "
         "above it: all are below it."),
    ],
)  # fmt: skip
def test_that_none_is_known_is_said(sides, sentence):
    assert said(**sides) == sentence


def test_nothing_is_said_where_no_cheaper_one_was_run():
    assert said(dearer="below") == ""
    assert said() == ""


def test_a_row_that_changes_more_than_the_pixel_decoder_is_no_answer():
    assert said(attention="level") == ""
    assert "is middle," in said(attention="level", middle="level")


def test_a_row_without_a_cost_is_named():
    without = {name: of for name, of in FLOPS.items() if name != "cheap"}
    assert said(without, middle="level", cheap="level").endswith(". Without counted FLOPs, and left out: cheap.")
    assert said({}, middle="level") == ""


def test_another_study_has_no_such_sentence():
    own = Study("own", "", "dear", STUDY.variations, ("panoptic",))
    assert said(study=own, middle="level") == ""
