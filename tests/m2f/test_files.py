import os
import stat
from pathlib import Path

import pytest

from m2f.errors import InputError
from m2f.files import files_below, load_json, new_directory, new_file, read_regular, require_place, write_json


@pytest.fixture
def ordinary_bits():
    """What ``mkdir`` gives a directory here."""
    mask = os.umask(0o027)
    yield 0o750
    os.umask(mask)


@pytest.mark.parametrize("content", ['{"images": [{"id": 1}, {"i', b"\xff"], ids=["cut", "bytes"])
def test_json_that_cannot_be_read_is_one_sentence(tmp_path, content):
    path = tmp_path / "half.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=r"half\.json is not whole JSON \(.*\); bake it anew\.$"):
        load_json(path, mend="bake it anew")


def test_json_that_is_nested_beyond_reason_is_one_sentence(tmp_path):
    (tmp_path / "deep.json").write_text(200_000 * "[" + 200_000 * "]")
    with pytest.raises(InputError, match=r"deep\.json is not JSON as people write it: it is nested too deep; fetch"):
        load_json(tmp_path / "deep.json")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="it is no file"):
        read_regular(tmp_path / "pipe")


def test_json_that_is_missing_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"^Cannot read .*gone\.json \(No such file or directory\); fetch"):
        load_json(tmp_path / "gone.json")


def test_what_is_written_is_read_back(tmp_path):
    write_json(tmp_path / "value.json", {"a": [1, 2.5, None]})
    assert load_json(tmp_path / "value.json") == {"a": [1, 2.5, None]}
    assert [path.name for path in tmp_path.iterdir()] == ["value.json"]


def test_a_file_that_fails_leaves_what_was_there(tmp_path):
    (tmp_path / "file").write_text("before")
    with pytest.raises(KeyboardInterrupt), new_file(tmp_path / "file") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert (tmp_path / "file").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_directory_is_there_when_it_is_whole(tmp_path, ordinary_bits):
    wanted = tmp_path / "parent" / "new"
    with new_directory(wanted) as directory:
        (directory / "file").write_text("content")
        assert directory.parent == wanted.parent
        assert not wanted.exists()
    assert (wanted / "file").read_text() == "content"
    assert [path.name for path in wanted.parent.iterdir()] == ["new"]
    assert stat.S_IMODE(wanted.stat().st_mode) == ordinary_bits


def test_a_directory_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), new_directory(tmp_path / "new") as directory:
        (directory / "file").write_text("half")
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_a_directory_takes_the_place_of_an_empty_one(tmp_path):
    (tmp_path / "new").mkdir()
    with new_directory(tmp_path / "new") as directory:
        (directory / "file").write_text("content")
    assert (tmp_path / "new" / "file").exists()


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_what_has_come_meanwhile_stays(tmp_path, kind):
    path = tmp_path / "new"
    with pytest.raises(FileExistsError), new_directory(path) as directory:
        (directory / "mark").write_text("ours")
        if kind == "directory":
            path.mkdir()
        (path / "mark" if kind == "directory" else path).write_text("theirs")
    assert (path / "mark" if kind == "directory" else path).read_text() == "theirs"
    assert [own.name for own in tmp_path.iterdir()] == ["new"]


def test_a_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError), new_directory(tmp_path / "file" / "new"):
        pass


def test_a_link_to_itself_is_no_place(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    require_place(tmp_path / "new", apart_from=[tmp_path / "loop"])
    with pytest.raises(InputError, match=r"loop would be written over .*loop; name another file"):
        require_place(tmp_path / "loop", apart_from=[tmp_path / "loop"])


def test_files_below_are_those_that_mmseg_finds(tmp_path, monkeypatch):
    for name in ("b.png", "a/c.png", "a/._c.png", ".hidden/d.png", "closed/e.png"):
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).touch()
    (tmp_path / "root" / "a" / "round").symlink_to(tmp_path / "root")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "f.png").touch()
    (tmp_path / "root" / "linked").symlink_to(tmp_path / "elsewhere")
    root = tmp_path / "root"
    below = [path.relative_to(root).as_posix() for path in files_below(root)]
    assert below == [".hidden/d.png", "a/c.png", "b.png", "closed/e.png", "linked/f.png"]
    scan = os.scandir

    def closed(directory):
        if Path(directory).name == "closed":
            raise PermissionError(13, "Permission denied", directory)
        return scan(directory)

    monkeypatch.setattr(os, "scandir", closed)
    assert [path.relative_to(root).as_posix() for path in files_below(root)] == [*below[:3], "linked/f.png"]
    assert list(files_below(tmp_path / "none")) == []
