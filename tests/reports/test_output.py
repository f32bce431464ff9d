import json

import pytest

from ablations.reports.output import WRITTEN, require_own, write_files
from m2f.errors import InputError


def test_a_later_report_takes_the_place_of_an_earlier_one(tmp_path):
    out = tmp_path / "report"
    require_own(out)
    write_files(out, {"report.md": b"first", "tables/4c.tex": b"4c"})
    require_own(out)
    write_files(out, {"report.md": b"second", "tables/4d.tex": b"4d"})
    found = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    del found[WRITTEN]
    assert found == {"report.md": b"second", "tables/4d.tex": b"4d"}


def test_what_somebody_has_changed_or_added_is_his(tmp_path):
    require_own(tmp_path / "out")
    write_files(tmp_path / "out", {"a.csv": b"a", "b.csv": b"b"})
    (tmp_path / "out" / "b.csv").write_text("corrected by hand")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    write_files(tmp_path / "out", {"a.csv": b"new"})
    assert (tmp_path / "out" / "b.csv").read_text() == "corrected by hand"
    with pytest.raises(InputError, match=r"notes.txt is there and m2f did not write it"):
        write_files(tmp_path / "out", {"notes.txt": b"x"})
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


def test_a_strangers_directory_is_left_alone(tmp_path):
    (tmp_path / "results.csv").write_text("years of work")
    with pytest.raises(InputError, match="holds files that m2f did not write; name an empty"):
        require_own(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["results.csv"]


def test_links_lead_nowhere(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "victim").write_text("whole")
    out = tmp_path / "out"
    require_own(out)
    write_files(out, {"a": b"a"})
    (out / "figures").symlink_to(tmp_path / "elsewhere")
    (out / "b").symlink_to(tmp_path / "victim")
    (out / "loop").symlink_to("loop")
    for name in ("figures/x.svg", "b", "loop"):
        with pytest.raises(InputError, match="is there and m2f did not write it"):
            write_files(out, {name: b"over"})
    assert (tmp_path / "victim").read_text() == "whole" and not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("record", ["{", json.dumps({"../victim": "x", "/etc/passwd": "y"}), "[" * 200000])
def test_a_strangers_record_removes_nothing(tmp_path, record):
    (tmp_path / "victim").write_text("whole")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / WRITTEN).write_text(record)
    write_files(tmp_path / "out", {"a": b"a"})
    assert (tmp_path / "victim").read_text() == "whole"


def test_a_place_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"file.report cannot be written .*--out"):
        require_own(tmp_path / "file" / "report")
