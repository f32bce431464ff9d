import pytest


@pytest.fixture
def finished(plan, have_done):
    """A store with two seeds of two designs."""

    def leave(directory, cell):
        (directory / "per_image.csv").write_text(f"image,PQ\n7,{40 + cell.run.seed}\n")
        return {"PQ": 40.0 + cell.run.seed}

    return have_done(plan(seeds=(0, 1)), leave)


def test_a_page_is_written_where_it_is_wished_for(call, finished, tmp_path):
    alone = call("compare", "masked", "plain", "--store", finished)
    assert alone.exit_code == 0, alone.output
    assert alone.output.startswith("'9z:plain' compared with '9z:masked': panoptic, scale smoke\n")
    with_page = call("compare", "masked", "plain", "--store", finished, "--out", tmp_path / "out")
    assert with_page.output == f"{alone.output}Page: {tmp_path / 'out' / 'index.html'}\n"
    assert "has no checkpoint to evaluate" in (tmp_path / "out" / "index.html").read_text()


def test_a_damaged_run_is_told_apart_from_the_numbers(call, finished):
    damaged = next(finished.glob("runs/*/per_image.csv"))
    damaged.write_text("image,PQ\n7\n")
    result = call("compare", "masked", "plain", "--store", finished)
    assert result.exit_code == 0
    assert str(damaged) in result.stderr and str(damaged) not in result.stdout


def test_words_that_mean_nothing_are_bad_input(complain, finished):
    own = ("masked", "plain", "--store", finished)
    assert complain("compare", *own, "--task", "depth").startswith("Unknown task 'depth'; known: panoptic,")
    assert "has no finished run of 'masked' (panoptic, mini)" in complain("compare", *own, "--scale", "mini")
    assert "takes two rows or more" in complain("compare", "masked", "--store", finished)
