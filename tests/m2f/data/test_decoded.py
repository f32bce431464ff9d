import numpy as np
import pytest

from m2f.data import decoded
from m2f.data.decoded import kept_if_small


@pytest.fixture
def reads():
    return []


@pytest.fixture
def reader(reads):
    @kept_if_small
    def read(path, size=None):
        reads.append(path)
        pixels = np.frombuffer(path.read_bytes(), np.uint8).reshape(2, -1)
        if size not in (None, pixels.shape):
            raise ValueError(size)
        return pixels

    return read


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "pixels"
    path.write_bytes(bytes(range(6)))
    return path


def test_a_small_file_is_decoded_once(reader, reads, file):
    first, again = reader(file), reader(file, (2, 3))
    assert len(reads) == 1
    assert first.tolist() == again.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_what_a_caller_does_to_its_pixels_is_not_seen_by_the_next(reader, file):
    reader(file)
    reader(file)[:] = 9
    assert reader(file).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_file_that_has_changed_is_read_again(reader, file):
    reader(file)
    file.write_bytes(bytes(8))
    assert reader(file).shape == (2, 4)
    (file.parent / "other").write_bytes(bytes([7] * 8))
    (file.parent / "other").rename(file)
    assert reader(file).max() == 7


def test_another_size_is_refused_as_if_nothing_were_kept(reader, file):
    reader(file)
    with pytest.raises(ValueError, match="3, 2"):
        reader(file, (3, 2))


@pytest.mark.parametrize(("limit", "bytes_"), [("SMALL", 5), ("MOST", 5)])
def test_what_is_large_or_too_much_is_not_kept(monkeypatch, reads, file, limit, bytes_):
    monkeypatch.setattr(decoded, limit, bytes_)

    @kept_if_small
    def read(path, size=None):
        reads.append(path)
        return np.zeros((2, 3), np.uint8)

    read(file)
    read(file)
    assert len(reads) == 2


def test_a_file_that_is_missing_is_the_readers_to_tell(reader, tmp_path):
    with pytest.raises(FileNotFoundError):
        reader(tmp_path / "missing")
