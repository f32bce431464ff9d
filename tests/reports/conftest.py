import hashlib
import json
from dataclasses import replace

import pandas as pd
import pytest
import typst
from PIL import Image

from ablations.comparing.beside_paper import comparison_frame
from ablations.comparing.shared_seeds import with_shared_seeds
from ablations.costs.counted import CostRow
from ablations.planning.plan import Cell, Run
from ablations.reports.build import build
from ablations.reports.content import compose
from ablations.reports.html import render_html
from ablations.reports.markdown import render_markdown
from ablations.reports.pdf import write_sources
from ablations.reports.section import Section
from ablations.store.record_writing import add_facts, write_done, write_running
from ablations.store.results_frame import read_results
from ablations.store.run_record import RunRecord
from ablations.store.runs import create_run, open_store, write_sweep
from ablations.studies import STUDIES
from ablations.studies.study import Evaluation, Study, Variation

MARKUP = "<b>x</b> $ _ #"
COST_IDENTITY = {
    "method": "Mask2Former",
    "backbone": "R50",
    "dataset": "coco",
    "split": "val2017",
    "task": "instance",
}
STUDY = Study(
    table="4c",
    title="cross-attention",
    baseline="masked attention",
    variations=(
        Variation("cross-attention", {"attention": "plain"}, reason="section 3.2"),
        Variation(MARKUP, {}, paper_row="SMCA", provenance="inferred", reason="*said* by <i>SMCA</i> | $x$ [1](2)"),
        Variation("masked attention", {}, reason="section 3.2"),
    ),
    tasks=("panoptic", "semantic"),
)
VALUES = {"cross-attention": (49.5, 48.1, 50.2), MARKUP: (50.0, 58.4, 54.0), "masked attention": (57.8, 57.1, 58.9)}
ATTENTION = Study(
    table="Ib",
    title="attention mass",
    baseline="masked attention",
    variations=(
        Variation("cross-attention", {"attention": "plain"}, provenance="inferred", reason="section C.2"),
        Variation("masked attention", {}, provenance="inferred", reason="section C.2"),
    ),
    tasks=("panoptic",),
    evaluation=Evaluation({"val_evaluator": "masses"}),
    metric={"panoptic": "fg_avg"},
    note="Shares of the weights, from 0 to 1.",
)
MASSES = {"cross-attention": 0.625, "masked attention": 0.25}
ENVIRONMENT = {
    "python": "3.11.7",
    "torch": "2.13.0",
    "mmcv": None,
    "platform": "Linux",
    "processor": "A processor",
    "cores": 2,
    "threads": 1,
}


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """A finished sweep of three designs and three seeds, as `m2f run` leaves it."""
    path = open_store(tmp_path_factory.mktemp("store"))
    cells = [
        Cell(STUDY.table, variation.name, variation.method, variation.backbone, planned_run(variation, seed))
        for seed in range(3)
        for variation in STUDY.variations
    ]
    write_sweep(path, cells)
    for cell in cells:
        finish(create_run(path, cell.run, path / "data"), VALUES[cell.variant][cell.run.seed])
    return path


@pytest.fixture(scope="session")
def attention_store(tmp_path_factory):
    """One seed of a study that evaluates trained models once more."""
    path = open_store(tmp_path_factory.mktemp("attention"))
    cells = []
    for variation in ATTENTION.variations:
        training = planned_run(variation, 0)
        evaluation = replace(training, digest=training.digest[::-1], source=training)
        cells.append(Cell(ATTENTION.table, variation.name, variation.method, variation.backbone, evaluation))
        directory = create_run(path, evaluation, path / "data")
        write_running(directory)
        add_facts(directory, environment=ENVIRONMENT, git={"commit": "c" * 40, "dirty": False})
        (directory / "timing.json").write_text(json.dumps({"seconds": {"evaluate": 9.0, "total": 9.0}}))
        mass = MASSES[variation.name]
        write_done(directory, {"fg_avg": mass, "bg_avg": 1 - mass})
    write_sweep(path, cells)
    return path


@pytest.fixture(scope="session")
def attention():
    return ATTENTION


@pytest.fixture(scope="session")
def make_run():
    return planned_run


def planned_run(variation, seed):
    return Run(
        digest=hashlib.sha256(f"{variation.name} {seed}".encode()).hexdigest(),
        task="panoptic",
        scale="mini",
        seed=seed,
        dataset="scenes",
        split="val2017",
        config_file="configs/mini/panoptic.py",
        overrides={"train_cfg.max_iters": 1000},
        data_fingerprint="f" * 64,
        config={},
    )


def finish(directory, value):
    """Leave in a run directory what training and the worker leave."""
    write_running(directory)
    add_facts(directory, environment=ENVIRONMENT, git={"commit": "c" * 40, "dirty": True})
    (directory / "samples").mkdir()
    for image_id in (139, 285):
        for kind in ("image", "truth", "prediction"):
            picture = Image.new("RGB", (16, 12), (image_id % 256, len(kind) * 20, int(value)))
            picture.save(directory / "samples" / f"{image_id}_{kind}.png")
    history = [{"iteration": i, "metrics": {"PQ": value * i / 1000}} for i in (500, 1000)]
    seconds = {"data": 4.0, "train": 150.0, "evaluate": 9.0, "total": 163.0}
    (directory / "history.json").write_text(json.dumps(history))
    (directory / "timing.json").write_text(json.dumps({"seconds": seconds}))
    write_done(directory, {"PQ": value, "SQ": value + 20, "AP_pan_th": value - 10})


@pytest.fixture(scope="session")
def kept_run(tmp_path_factory):
    """Make a finished run's directory of what a report reads; its record."""
    root = tmp_path_factory.mktemp("runs")

    def keep(name, seconds, history=(), **identity):
        directory = root / name
        directory.mkdir()
        (directory / "config.py").write_text("")
        known = {
            **{"digest": name, "task": "panoptic", "scale": "mini", "seed": 0, "dataset": "scenes", "split": "val2017"},
            **{"config": "configs/mini/panoptic.py", "overrides": {}, "data_fingerprint": "f" * 64},
            **{"data_directory": "data", "environment": ENVIRONMENT, "git": {"commit": "c" * 40, "dirty": False}},
        }
        state = {"state": "running", "started": "2026-01-01T00:00:00", "finished": "2026-01-01T01:00:00"}
        files = {"run": {**known, **identity}, "state": state, "timing": {"seconds": seconds}, "history": list(history)}
        for file, content in files.items():
            (directory / f"{file}.json").write_text(json.dumps(content))
        return RunRecord(directory)

    return keep


@pytest.fixture(scope="session")
def section(store):
    paper = pd.DataFrame(
        [
            ("4c", "cross-attention", "coco", "panoptic", "PQ", 47.1),
            ("4c", "SMCA", "coco", "panoptic", "PQ", 47.2),
            ("4c", "masked attention", "coco", "panoptic", "PQ", 51.9),
            ("4c", "masked attention", "ade20k", "semantic", "mIoU", 47.2),
        ],
        columns=["table", "variant", "dataset", "task", "metric", "value"],
    ).assign(method="Mask2Former", backbone="R50", split="val")
    results = with_shared_seeds(read_results(store).frame)
    return Section(STUDY, "mini", results, comparison_frame(results, paper, [STUDY], "mini"), paper, "mini")


@pytest.fixture(scope="session")
def runs(section, store):
    return {name: RunRecord(store / "runs" / name) for name in section.results["run"].unique()}


@pytest.fixture(scope="session")
def costs():
    """Costs of two rows of the table, one of which is not what the paper prints, and of a row of another table."""
    return [
        cost("4c", "cross-attention", "flops", 213.04, 213.0),
        cost("4c", "cross-attention", "flops_ours", 212.96, None),
        cost("4c", "SMCA", "params", 45.32, None),
        cost("4c", "SMCA", "flops", 223.65, 213.0),
        cost("5", "matching mask, training mask", "memory", 18.4, 18.0),
    ]


def cost(table, variant, metric, value, paper):
    return CostRow({**COST_IDENTITY, "table": table, "variant": variant}, metric, value, paper)


@pytest.fixture(scope="session")
def content(section, runs, costs):
    return compose([section], runs, ["4d"], costs)


@pytest.fixture(scope="session")
def html_page(content):
    return render_html(content)


@pytest.fixture(scope="session")
def markdown(content):
    return render_markdown(content)


@pytest.fixture(scope="session")
def built(store, tmp_path_factory):
    """The files of the store's whole report, by kind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(STUDIES, "4c", STUDY)
        return build(store, [], tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="session")
def pdf_elements(tmp_path_factory):
    """Reads the elements of one kind that typst sets in the PDF, once for each content."""

    known = {}  # by the content's address; each is kept with it, so that no other takes its place

    def read(content, kind):
        if (id(content), kind) not in known:
            directory = tmp_path_factory.mktemp("sources")
            template = write_sources(content, directory)
            elements = json.loads(typst.query(template, kind, root=directory, ignore_system_fonts=True))
            known[id(content), kind] = content, elements
        return known[id(content), kind][1]

    return read


@pytest.fixture
def pdf_tables(pdf_elements):
    """Reads the text of the PDF's tables: each a list of its cells."""

    def read(content):
        tables = pdf_elements(content, "table")
        return [[_text(cell) for cell in table["children"] if cell["func"] == "cell"] for table in tables]

    return read


@pytest.fixture
def pdf_rows(pdf_elements):
    """Reads the PDF's tables with one line of headings: each as its headings and its rows of cells."""

    def read(content):
        tables = []
        for table in pdf_elements(content, "table"):
            (header,) = [child for child in table["children"] if child["func"] == "header"]
            headings = [_text(cell) for cell in header["children"]]
            cells = [_text(cell) for cell in table["children"] if cell["func"] == "cell"]
            count = len(headings)
            tables.append((headings, [cells[start : start + count] for start in range(0, len(cells), count)]))
        return tables

    return read


def _text(node):
    """All text under a node of typst's document, in order."""
    if isinstance(node, list):
        return "".join(map(_text, node))
    if node["func"] in ("text", "raw"):
        return node["text"]
    if node["func"] == "space":
        return " "
    return "".join(_text(node[key]) for key in ("body", "child", "children") if key in node)
