def test_merging(call, complain, stores, tmp_path):
    first, second, other = stores
    into = tmp_path / "into"
    result = call("merge", first, second, "--into", into)
    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [
        f"Left where they are: 1 runs of {second} that are not finished.",
        f"{into} has 3 more runs, of 3.",
    ]
    assert call("merge", first, "--into", into).output == f"{into} has 0 more runs, of 2.\n"
    assert "have other numbers for the run" in complain("merge", other, "--into", into)
    assert "There is nothing at" in complain("merge", tmp_path / "nothing", "--into", into)
