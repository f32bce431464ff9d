import json
from pathlib import Path

import pytest

from ablations.costs.beside_peers import COLUMNS
from m2f.timing import beside_peers
from m2f.timing.beside_peers import Comparison
from m2f.timing.peak_memory import PeakMemory
from m2f.timing.precision import Difference

TINY = Path(__file__).parents[2] / "m2f" / "peers" / "tiny_config.py"


@pytest.fixture
def peers(call):
    return lambda *arguments: call("bench", "peers", *arguments)


def comparison(precision, difference):
    return Comparison(
        work="predict",
        peer="mmdet",
        size=512,
        batch=1,
        precision=precision,
        ours=0.5,
        theirs=1.5,
        ratio=3.0,
        their_precision="float32",
        gemm_peak=75e9,
        gemm_share=0.25,
        our_memory=PeakMemory(200_000_000, 900_000_000),
        their_memory=PeakMemory(500_000_000, 1_200_000_000),
        memory_ratio=2.5,
        difference=difference,
        environment={"device": "Fast CPU", "threads": 2, "torch": "2.13"},
    )


@pytest.fixture
def measured(monkeypatch):
    """Calls of ``compare``, which gives a float32 and a bfloat16 result."""
    calls = []
    results = [comparison("float32", None), comparison("bfloat16", Difference(0.125, 1e-4, 0.01, 0.02, None))]

    def compare(model_config, *arguments):
        calls.append(arguments)
        return iter(results)

    monkeypatch.setattr(beside_peers, "compare", compare)
    return calls


def test_by_default_the_papers_model_in_all_precisions_of_the_machine(peers, measured, monkeypatch):
    monkeypatch.setattr(beside_peers, "device_precisions", lambda device: ["float32", "bfloat16"])
    result = peers()
    assert result.exit_code == 0, result.output
    assert measured == [([512], [1], ["float32", "bfloat16"], ["mmdet", "transformers"], 3, True)]
    assert "This machine computes in float32 and bfloat16." in result.stderr


def test_options_say_what_is_measured(peers, measured):
    arguments = ("--sizes", "64,128", "--batches", "1, 2", "--precision", "Float32", "--peers", "mmdet")
    result = peers(*arguments, "--repeats", 5, "--no-memory", "--model", TINY)
    assert result.exit_code == 0, result.output
    assert measured == [([64, 128], [1, 2], ["float32"], ["mmdet"], 5, False)]


def test_json_has_an_object_for_each_comparison(peers, measured):
    first, second = json.loads(peers("--precision", "float32,bfloat16", "--json").stdout)
    named = ("work", "peer", "size", "batch", "precision", "ours", "theirs", "ratio")
    assert [first[key] for key in named] == ["predict", "mmdet", 512, 1, "float32", 0.5, 1.5, 3.0]
    assert first["difference"] is None
    assert first["our_memory"] == {"work": 200_000_000, "total": 900_000_000}
    assert second["difference"]["probability_max"] == 0.125


def test_text_has_times_memory_peak_and_difference(peers, measured):
    result = peers("--precision", "float32,bfloat16")
    lines = result.stdout.splitlines()
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")]
    assert dict(zip(COLUMNS[:5], rows[0], strict=False)) == {
        "work": "predict",
        "pixels": "512",
        "batch": "1",
        "precision": "float32",
        "of GEMM peak": "25%",
    }
    assert rows[0][5:] == ["0.50", "200", "900", "mmdet", "1.50", "3.00", "500", "1200", "2.50"]
    assert "Best matrix product in bfloat16: 150 GFLOP/s, a multiply-accumulate being two." in lines
    assert lines[-1] == (
        "bfloat16 and float32 with these random weights, 512 pixels, batch 1: class probabilities differ by 1.0e-04 in "
        "the mean, 0.125 at most, 1.00% of mask pixels, 2.00% of pixels' classes."
    )
    assert "Fast CPU, 2 threads, torch 2.13" in result.stdout
    assert "predict, 512 pixels, batch 1, float32: 0.50 s, mmdet 1.50 s" in result.stderr


def test_a_real_measurement_of_a_small_model(peers):
    options = ("--model", TINY, "--sizes", 64, "--repeats", 1, "--no-memory", "--peers", "mmdet", "--json")
    result = peers(*options, "--precision", "float32")
    assert result.exit_code == 0, result.output
    train, predict = json.loads(result.stdout)
    assert (train["work"], predict["work"]) == ("train", "predict")
    assert train["ratio"] > 0.1
    assert train["our_memory"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--sizes", "big"), "--sizes must be whole numbers separated by commas"),
        (("--batches", "0"), "--batches must be whole numbers"),
        (("--sizes", "500"), "A size must be a multiple of 32 pixels"),
        (("--precision", "float16"), "Unknown precision 'float16'"),
        (("--peers", "detectron2"), "Unknown peer 'detectron2'"),
        (("--model", "nowhere.py"), "nowhere.py"),
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
