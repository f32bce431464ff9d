import pytest

from ablations.planning.plan import make_plan
from ablations.planning.scales import chosen_scale
from ablations.running.rerun import changed_weights, lines, rerun
from ablations.running.worker import execute
from ablations.store.record_writing import add_facts, write_done
from ablations.store.run_record import RunRecord
from ablations.store.runs import create_run
from ablations.studies import STUDIES
from m2f.data.prepare import prepare
from m2f.errors import InputError

FAKE = "fake_training:train"
pytestmark = pytest.mark.usefixtures("fake_training")


@pytest.fixture
def done(plan, store, tmp_path):
    """The directory of a run that is done, with seed 1."""
    (cell,) = plan(seeds=[1])[1:]
    directory = create_run(store, cell.run, tmp_path / "data")
    assert execute(directory, FAKE) == 0
    return directory


@pytest.fixture
def repeat(store):
    said = []

    def call(name, work=FAKE):
        repetition = rerun(store, name, said.append, work)
        return repetition, [*said, *lines(repetition)]

    return call


def test_a_repetition_matches(done, repeat, store):
    before = {path: path.read_bytes() for path in done.iterdir() if path.is_file()}
    repetition, said = repeat(done.name[:8])
    assert repetition.matches
    assert repetition.metrics == {"PQ": (41.0, 41.0)}
    assert repetition.directory == store / "reruns" / done.name / "1"
    assert repetition.surroundings == {}
    assert said == [
        f"Repeating {done.name} in {repetition.directory}, whose log.txt says how far it is.",
        "The repetition matches: 1 of 1 metrics are equal to the last digit.",
        "Commit, local changes, versions, machine, threads and data are the same.",
    ]
    assert {path: path.read_bytes() for path in done.iterdir() if path.is_file()} == before


def test_another_repetition_has_its_place_and_the_recorded_threads(done, repeat, store):
    (store / "reruns" / done.name / "1").mkdir(parents=True)
    add_facts(done, environment={**RunRecord(done).identity["environment"], "threads": 2})
    repetition, _ = repeat(done.name)
    assert repetition.directory.name == "2"
    assert "threads" not in repetition.surroundings
    (call,) = (repetition.directory / "calls.txt").read_text().splitlines()
    assert call.split()[1] == "2"  # OMP_NUM_THREADS


def test_what_differs_is_told(done, repeat):
    write_done(done, {"PQ": 40.5, "SQ": 70.0})
    environment = RunRecord(done).identity["environment"]
    packages = {**environment["packages"], "numpy": "1.0", "a-package-of-then": "2.0"}
    add_facts(done, environment={**environment, "processor": "Another", "packages": packages}, git={"commit": "c0ffee"})
    add_facts(done, data_fingerprint="another")
    repetition, said = repeat(done.name)
    assert not repetition.matches
    assert "The repetition does not match: 0 of 2 metrics are equal to the last digit." in said
    assert "  PQ: 40.5 -> 41.0 (+0.5)" in said
    assert "  SQ: 70.0 -> None" in said
    assert {name: then for name, (then, _) in repetition.surroundings.items() if name != "local changes"} == {
        "data fingerprint": "another",
        "commit": "c0ffee",
        "processor": "Another",
    }


@pytest.fixture
def weights(configs, tmp_path):
    """A file that the backbone of the config begins from; and its key."""
    path = tmp_path / "model.pth"
    path.write_bytes(b"of then")
    with (configs / "smoke" / "panoptic.py").open("a") as file:
        file.write(f"model['backbone'] = dict(init_cfg=dict(type='Pretrained', checkpoint={str(path)!r}))\n")
    return path, "model.backbone.init_cfg.checkpoint"


def test_weights_that_were_replaced_are_told(plan, store, tmp_path, weights, repeat):
    path, key = weights
    directory = create_run(store, plan()[1].run, tmp_path / "data")
    assert execute(directory, FAKE) == 0
    then = RunRecord(directory).identity["weights"][key]
    path.write_bytes(b"of now")
    repetition, said = repeat(directory.name)
    assert repetition.surroundings[f"content of {key}"][0] == then
    assert any(line.startswith(f"  content of {key}: {then} -> ") for line in said)


def test_which_weights_are_others_now(plan, store, tmp_path, weights, evaluated_study):
    """An evaluation begins from its training's checkpoint alone."""
    path, key = weights
    (cell,) = plan(studies=[evaluated_study])
    training, evaluation = (create_run(store, run, tmp_path / "data") for run in (cell.training, cell.run))
    identity = RunRecord(training).identity
    then = identity["weights"][key]
    assert changed_weights(training, identity) == {}
    unrecorded = {name: value for name, value in identity.items() if name != "weights"}
    assert changed_weights(training, unrecorded) == {f"content of {key}": ("not recorded", then)}
    path.write_bytes(b"of now")
    ((first, now),) = changed_weights(training, identity).values()
    assert first == then and len(now) == 64 and now != then
    path.unlink()
    assert changed_weights(training, identity) == {f"content of {key}": (then, "missing")}
    assert changed_weights(evaluation, RunRecord(evaluation).identity) == {}


def test_a_repetition_that_fails_does_not_match(done, repeat):
    repetition, said = repeat(done.name, "fake_training:fail_with_seed_1")
    assert not repetition.matches
    assert said[1] == "The repetition failed: RuntimeError: the loss became nan"


def test_an_evaluation_is_repeated_on_its_trainings_checkpoint(plan, store, tmp_path, evaluated_study, repeat):
    (cell,) = plan(studies=[evaluated_study])
    assert execute(create_run(store, cell.training, tmp_path / "data"), FAKE) == 0
    directory = create_run(store, cell.run, tmp_path / "data")
    assert execute(directory, "fake_training:evaluate") == 0
    repetition, _ = repeat(directory.name, "fake_training:evaluate")
    assert repetition.matches
    assert (repetition.directory / "log.txt").read_text().endswith("evaluating weights of seed 0\n")


def test_bad_names_are_bad_input(done, plan, store, tmp_path, repeat):
    (planned, _) = plan(seeds=[1])
    for name, complaint in (("zz", "no run"), ("", "no run"), ("../runs", "no run")):
        with pytest.raises(InputError, match=f"{complaint} whose name begins with '{name}'"):
            repeat(name)
    with pytest.raises(InputError, match="is not done"):
        repeat(create_run(store, planned.run, tmp_path / "data").name)
    for name in (f"{done.name[:1]}a", f"{done.name[:1]}b"):
        (store / "runs" / name).mkdir()
    with pytest.raises(InputError, match="3 runs whose name begins"):
        repeat(done.name[:1])


def test_bad_input_of_the_repetition_is_bad_input(done, repeat):
    with pytest.raises(InputError, match=r"pictures/7\.png"):
        repeat(done.name, "fake_training:find_bad_image")


def test_a_real_training_repeats_bit_for_bit(call, store, tmp_path):
    """Masked attention, one iteration at scale smoke; the losses are of the first step's last digit."""
    from mmengine import Config

    from m2f.data.paths import resolve_data_paths

    data = tmp_path / "data"
    overrides = {"train_cfg.max_iters": 1, "train_cfg.val_interval": 1}
    cell = make_plan([STUDIES["4c"]], chosen_scale("smoke"), ["semantic"], [0], overrides, data).cells[3]
    prepare(resolve_data_paths(Config(cell.run.config), data))
    directory = create_run(store, cell.run, data)
    assert execute(directory) == 0
    result = call("rerun", cell.run.name, "--store", store)
    assert result.exit_code == 0, result.output
    assert "The repetition matches: 3 of 3 metrics" in result.output  # mIoU and the losses logged first and last
    assert RunRecord(directory).metrics["mIoU"] > 0
