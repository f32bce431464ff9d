import csv
import json
import re
from datetime import date
from pathlib import Path

import pytest

from ablations.costs.beside_peers import COLUMNS
from m2f.timing import beside_peers, cityscapes_evaluation, machine
from m2f.timing.beside_peers import Measurement
from m2f.timing.evaluation import EvaluationSpeed
from m2f.timing.peak_memory import PeakMemory
from m2f.timing.precision import Difference
from m2f.timing.settled import Ratio

TINY = Path(__file__).parents[2] / "m2f" / "peers" / "tiny_config.py"


@pytest.fixture
def peers(call):
    return lambda *arguments: call("bench", "peers", *arguments)


ENVIRONMENT = {"processor": "Fast CPU", "device": "CPU", "threads": 2, "torch": "2.13"}


def measurement(precision, library, ratio, difference=None):
    return Measurement(
        work="predict",
        precision=precision,
        size=512,
        batch=1,
        library=library,
        seconds=0.5 * ratio.median,
        warm_up=40.0,
        rounds=6,
        ratio=ratio,
        multiply_accumulates=0.25 * 75e9 * 0.5 * ratio.median,
        gemm_peak=75e9,
        memory=None if library == "openvino" else PeakMemory(200_000_000, 900_000_000),
        memory_ratio=None,
        difference=difference,
        environment=ENVIRONMENT,
    )


@pytest.fixture
def measured(monkeypatch):
    """Calls of ``compare``, which gives our result in two precisions and a peer's that is not settled."""
    calls = []
    results = [
        measurement("float32", "m2f", Ratio(1.0, 1.0, 1.0)),
        measurement("float32", "openvino", Ratio(3.0, 2.4, 3.6)),
        measurement("bfloat16", "m2f", Ratio(1.0, 1.0, 1.0), Difference(0.125, 1e-4, 0.01, 0.02, None)),
    ]

    def compare(model_config, *arguments):
        calls.append(arguments[:-1])  # the last tells
        return iter(results)

    monkeypatch.setattr(beside_peers, "compare", compare)
    return calls


def test_by_default_the_papers_model_in_all_precisions_of_the_machine(peers, measured, monkeypatch):
    monkeypatch.setattr(beside_peers, "device_precisions", lambda device: ["float32", "bfloat16"])
    result = peers()
    assert result.exit_code == 0, result.output
    assert measured == [([512], [1], ["float32", "bfloat16"], None, 20, True)]
    assert "This machine computes in float32 and bfloat16." in result.stderr


def test_options_say_what_is_measured(peers, measured):
    arguments = ("--sizes", "64,128", "--batches", "1, 2", "--precision", "Float32", "--peers", "mmdet")
    result = peers(*arguments, "--rounds", 5, "--no-memory", "--model", TINY)
    assert result.exit_code == 0, result.output
    assert measured == [([64, 128], [1, 2], ["float32"], ["mmdet"], 5, False)]


def test_json_has_an_object_for_each_measurement(peers, measured):
    first, second, third = json.loads(peers("--precision", "float32,bfloat16", "--json").stdout)
    named = ("work", "precision", "size", "batch", "library", "seconds", "warm_up", "ratio", "ratio_low", "ratio_high")
    assert [second[key] for key in named] == ["predict", "float32", 512, 1, "openvino", 1.5, 40.0, 3.0, 2.4, 3.6]
    assert second["ratio_spread"] == pytest.approx(0.2)
    assert second["gemm_share"] == pytest.approx(0.25)
    assert (first["memory_work"], second["memory_work"]) == (200_000_000, None)
    assert third["difference_probability_max"] == 0.125
    assert third["processor"] == "Fast CPU"


def test_text_has_times_memory_peak_and_difference(peers, measured):
    result = peers("--precision", "float32,bfloat16")
    lines = result.stdout.splitlines()
    heads, *rows = [re.split(r"\s{2,}", line) for line in lines[:4]]
    assert heads == [column.heading for column in COLUMNS]
    assert rows[0][:6] == ["predict", "512", "1", "float32", "m2f", "0.50"]
    assert rows[1][4:] == ["openvino", "1.50", "3.00", "2.40-3.60", "6", "40.0", "25%"]
    assert rows[2][-2:] == ["200", "900"]
    assert "Best matrix product in bfloat16: 150 GFLOP/s, a multiply-accumulate being two." in lines
    assert "1 of 3 ratios are not known to 5%." in lines
    assert lines[-1] == (
        "bfloat16 and float32 with these random weights, 512 pixels, batch 1: class probabilities differ by 1.0e-04 in "
        "the mean, 0.125 at most, 1.00% of mask pixels, 2.00% of pixels' classes."
    )
    for fact in ("processor: Fast CPU", "threads: 2", "torch: 2.13"):
        assert fact in lines
    assert "predict, 512 pixels, batch 1, float32: openvino 1.50 s, 3.00 times (not settled: ± 20%)" in result.stderr


def test_a_file_is_named_by_the_machine_and_has_every_row(peers, measured, monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "processor", lambda: "Intel(R) Xeon(R) Processor (GenuineIntel, family 6, model 207)")
    result = peers("--precision", "float32,bfloat16", "--csv", tmp_path)
    assert result.exit_code == 0, result.output
    (file,) = tmp_path.iterdir()
    assert file.name.startswith("peers_intel-xeon-processor-genuineintel-family-6-model-207_torch-2.")
    assert file.stem.rpartition("_")[2] == date.today().isoformat()
    with file.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [row["library"] for row in rows] == ["m2f", "openvino", "m2f"]
    assert rows[1]["ratio"] == "3.0"
    assert rows[1]["memory_work"] == rows[1]["difference_probability_max"] == ""
    assert rows[2]["difference_probability_max"] == "0.125"


def test_a_real_measurement_of_a_small_model(peers):
    options = ("--model", TINY, "--sizes", 64, "--rounds", 1, "--no-memory", "--peers", "mmdet", "--json")
    result = peers(*options, "--precision", "float32")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert [row["work"] for row in rows] == ["train", "train", "predict", "predict", "forward", "forward"]
    assert rows[1]["ratio"] > 0.1
    assert rows[1]["ratio_low"] is None
    assert rows[1]["memory_work"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--sizes", "big"), "--sizes must be whole numbers from 1 on separated by commas"),
        (("--batches", "0"), "--batches must be whole numbers"),
        (("--sizes", "500"), "A size must be a multiple of 32 pixels"),
        (("--precision", "float16"), "Unknown precision 'float16'"),
        (("--peers", "detectron2"), "Unknown peer 'detectron2'"),
        (("--model", "nowhere.py"), "nowhere.py"),
        (("--csv", "nowhere"), "cannot be written"),
    ],
)
def test_bad_input(peers, arguments, message):
    result = peers(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.splitlines()[-1].startswith("Error: ")


def test_evaluation_is_timed_and_equal(call):
    result = call("bench", "evaluation", "--images", 10, "--repeats", 1, "--json")
    assert result.exit_code == 0, result.output
    speeds = json.loads(result.stdout[result.stdout.index("[") :])
    assert {speed["peer"] for speed in speeds} == {"panopticapi", "hotcoco", "pycocotools", "faster-coco-eval"}
    for speed in speeds:
        assert speed["difference"] < 1e-6
        assert speed["ours"] > 0 < speed["theirs"]


def test_cityscapes_metrics_are_shown_beside_their_peers(call, monkeypatch):
    """What is timed: tests/m2f/timing/test_cityscapes_evaluation.py."""

    def compare(images, detections, tell):
        tell(0, images)
        return [EvaluationSpeed("AP", "cityscapesScripts", images, 0.5, float(detections), 2 * detections, 0.0)]

    monkeypatch.setattr(cityscapes_evaluation, "compare_cityscapes", compare)
    result = call("bench", "cityscapes", "--images", 3, "--detections", 4, "--json")
    assert result.exit_code == 0, result.output
    (speed,) = json.loads(result.stdout)
    assert (speed["work"], speed["images"], speed["theirs"], speed["ratio"]) == ("AP", 3, 4.0, 8)
    assert "measured once" in call("bench", "cityscapes").stdout.replace("\n", " ")
