def test_packing(call, complain, stores, tmp_path):
    first, second, other = stores
    into = tmp_path / "packed"
    for source, runs in ((first, 2), (second, 3), (second, 3)):
        result = call("pack", source, "--into", into, "--pictures", "4c,4a")
        assert (result.exit_code, result.output) == (0, f"{into} has {runs} runs, 0.0 MB.\n")
    assert "Unknown table '4z'" in complain("pack", first, "--into", into, "--pictures", "4z")
    assert "have other numbers" in complain("pack", other, "--into", into)
    assert call("diff", into, first).exit_code == 0
    assert call("merge", into, "--into", first).output.endswith(f"Runs that {first} did not have: 1 of 3.\n")
    result = call("compare", "masked", "plain", "--scale", "smoke", "--store", into)
    assert result.exit_code == 0 and "40.5" in result.output
