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
