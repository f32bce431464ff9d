def test_doctor(call, tmp_path):
    result = call("doctor", "--store", tmp_path, "--data", tmp_path)
    assert result.exit_code == 0
    assert "compiled ops" in result.output
