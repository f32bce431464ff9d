def test_merging(call, complain, stores, tmp_path):
    first, second, other = stores
    into = tmp_path / "into"
    result = call("merge", first, second, "--into", into)
    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [
        f"Of {second}, runs that are not finished and stay where they are: 1.",
        f"Runs that {into} did not have: 3 of 3.",
    ]
    assert call("merge", first, "--into", into).output == f"Runs that {into} did not have: 0 of 2.\n"
    assert "have other numbers for the run" in complain("merge", other, "--into", into)
    assert "There is no store or packed store at" in complain("merge", tmp_path / "nothing", "--into", into)


def test_runs_that_were_not_made_alike_are_told_by_all_that_join_them(call, stores, plan, have_done, tmp_path):
    """One store has seed 0, the other seed 5 of a shorter training."""
    first, (short, into) = stores[0], (tmp_path / name for name in ("store", "into"))
    have_done(plan(seeds=(5,), **{"train_cfg.max_iters": 3}), lambda *_: {"PQ": 41.0})
    sentence = "Not all runs of Table 9z (smoke) were made alike: train_cfg.max_iters=3 in 2 of 4 runs (seed 5)."
    assert sentence not in call("merge", short, "--into", into).output
    assert sentence in call("merge", first, "--into", into).output, "with what the store had"
    assert sentence in call("pack", first, short, "--into", tmp_path / "packed").output
    assert sentence in call("check", "--store", into, "--baseline", tmp_path / "new.json", "--update").output
    assert call("diff", into, tmp_path / "packed").output.count(sentence) == 2
