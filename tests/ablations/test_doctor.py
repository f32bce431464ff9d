from ablations.doctor import examine, show


def test_findings_name_what_is_missing_and_its_mend(tmp_path, console):
    (tmp_path / "data" / "coco" / "annotations").mkdir(parents=True)
    findings = {name: (found, mend) for name, found, mend in examine(tmp_path / "store", tmp_path / "data")}
    assert {"torch", "mmengine", "compiled ops", "devices", "cores", "threads", "memory"} <= set(findings)
    assert "GB free" in findings["disk at store"][0]
    assert findings["data: coco"] == (f"at {tmp_path / 'data' / 'coco' / 'annotations'}", "")
    found, mend = findings["data: ade20k"]
    assert found.startswith("not at")
    assert "ADEChallengeData2016" in mend
    assert findings["compiled ops"][0] == "yes" or "MMCV_WITH_OPS=1" in findings["compiled ops"][1]


def test_findings_are_shown_as_a_table(console):
    show([("cores", "2", ""), ("data: coco", "not at data/coco", "fetch it")], console)
    assert [line.split() for line in console.file.getvalue().splitlines()][1:] == [
        ["cores", "2"],
        ["data:", "coco", "not", "at", "data/coco", "fetch", "it"],
    ]
