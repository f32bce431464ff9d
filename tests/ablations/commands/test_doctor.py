import json


def test_doctor(call, tmp_path):
    result = call("doctor", "--store", tmp_path, "--data", tmp_path)
    assert result.exit_code == 0
    assert "compiled ops" in result.output


def test_doctor_to_be_sent_on(call, tmp_path):
    result = call("doctor", "--json", "--store", tmp_path, "--data", tmp_path)
    assert result.exit_code == 0
    findings = {finding["what"]: finding for finding in json.loads(result.stdout)}
    assert {"python", "torch", "mmcv", "processor", "devices"} <= set(findings)
    assert "cocodataset.org" in findings["data: coco"]["mend"]
