import builtins
import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest

from m2f.checkpoints.plain_pickle import Array, read_plain_pickle
from m2f.errors import InputError


class Call:
    """Pickles to a call."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


def written(path, content, protocol=2):
    path.write_bytes(pickle.dumps(content, protocol))
    return path


def read_again(path, content, protocol=2):
    return read_plain_pickle(written(path / "file.pkl", content, protocol))


# An array without its state yet, as numpy 1 has it.
EMPTY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
ARRAYS = {
    "plain": np.arange(6, dtype=np.float32).reshape(2, 3),
    "columns first": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "a part": np.arange(20, dtype=np.int64)[::3],
    "other bytes first": np.arange(3, dtype=">f4"),
    "half": np.arange(3, dtype=np.float16),
    "bytes": np.arange(250, 256, dtype=np.uint8),
    "truths": np.array([True, False]),
    "one number": np.array(7.5),
    "number": np.float64(2.5),
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_come_back(name, protocol, tmp_path):
    array = read_again(tmp_path, {"model": {"weight": ARRAYS[name]}}, protocol)["model"]["weight"]
    assert isinstance(array, Array)
    assert array.values.dtype == ARRAYS[name].dtype
    np.testing.assert_array_equal(array.values, ARRAYS[name])


@pytest.mark.parametrize("package", [b"numpy.core", b"numpy._core"])
def test_names_of_numpy_1_and_2(package, tmp_path):
    content = pickle.dumps(np.arange(3.0), 2)
    content = content.replace(b"numpy._core", b"numpy.core").replace(b"numpy.core", package)
    (tmp_path / "file.pkl").write_bytes(content)
    np.testing.assert_array_equal(read_plain_pickle(tmp_path / "file.pkl").values, [0, 1, 2])


def test_what_python_2_wrote(tmp_path):
    """Its text of one byte a character holds an array's bytes."""
    array = np.array([1.5, 300.25])
    kind = b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb"
    (tmp_path / "file.pkl").write_bytes(EMPTY + b"(I1\n(I2\nt" + kind + b"I00\nU\x10" + array.tobytes() + b"tb.")
    np.testing.assert_array_equal(read_plain_pickle(tmp_path / "file.pkl").values, array)


def test_plain_values_come_back(tmp_path):
    content = {"model": OrderedDict(a=[1, 2.5, None]), "__author__": "somebody", "done": (True, b"bytes", {3})}
    assert read_again(tmp_path, content, 4) == content


def touching(mark):
    """A call that would leave a mark."""
    return Call(os.system, (f"touch {mark}",))


# What a pickle may carry; functions of the mark's path where it can be left.
ATTACKS = {
    "os.system": touching,
    "eval": lambda mark: Call(eval, (f"open({str(mark)!r}, 'w')",)),
    "exec": lambda mark: Call(exec, (f"open({str(mark)!r}, 'w')",)),
    "open": lambda mark: Call(open, (str(mark), "w")),
    "getattr": Call(getattr, ({}, "clear")),
    "import": Call(builtins.__import__, ("os",)),
    "numpy's file writer": lambda mark: Call(np.save, (str(mark), 1)),
    "another unpickler": lambda mark: Call(pickle.loads, (pickle.dumps(touching(mark)),)),
    "in an argument": lambda mark: Call(OrderedDict, ([("key", touching(mark))],)),
    "in a state": lambda mark: Call(OrderedDict, (), {"attribute": touching(mark)}),
    "in an item": lambda mark: Call(OrderedDict, (), None, None, iter([("key", touching(mark))])),
    "in an array of objects": lambda mark: np.array([touching(mark), 1], dtype=object),
    "an array of plain objects": np.array([{}, 1], dtype=object),
    "records with objects": np.zeros(1, dtype=[("a", "O"), ("b", "f4")]),
    "records": np.zeros(1, dtype=[("a", "f4")]),
    "text": np.array(["text"]),
    "raw bytes": np.array([b"x"], dtype="V1"),
    "times": np.array(["2020-01-01"], dtype="datetime64[D]"),
    "a class of numpy": np.ma.masked_array([1.0], [True]),
}


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("name", ATTACKS)
def test_code_and_objects_are_refused(name, protocol, tmp_path):
    mark = tmp_path / "mark"
    attack = ATTACKS[name](mark) if callable(ATTACKS[name]) else ATTACKS[name]
    path = written(tmp_path / "file.pkl", {"model": {"weight": attack}}, protocol)
    with pytest.raises(InputError, match=r"file\.pkl is refused, get an official checkpoint; it holds"):
        read_plain_pickle(path)
    assert not mark.exists()


def test_the_attacks_would_work_elsewhere(tmp_path):
    mark = tmp_path / "mark"
    pickle.loads(pickle.dumps(Call(os.system, (f"touch {mark}",))))
    assert mark.exists()


# Written by hand: what no honest writer makes.
CRAFTED = {
    "an attribute of an admitted name": b"\x80\x04\x8c\x05numpy\x8c\x1cndarray.__init__.__globals__\x93.",
    "a state for a class": b"cnumpy\ndtype\n(N}S'code'\nS'f4'\nstb.",
    "a state for a class of the library": b"ccollections\nOrderedDict\n(N}S'update'\nS'f4'\nstb.",
    "a kind with the flags of another": b"cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI0\ntb.",
    "fields for a plain kind": b"cnumpy\ndtype\n(S'f4'\nI0\nI1\ntR(I3\nS'<'\nN(S'a'\nt}I-1\nI-1\nI0\ntb.",
    "too few bytes": EMPTY + b"(I1\n(I9\ntcnumpy\ndtype\n(S'f4'\nI0\nI1\ntRI00\nS'abcd'\ntb.",
    "an unknown encoding": b"c_codecs\nencode\n(Vx\nS'rot13'\ntR.",
    "a persistent name": b"Psomething\n.",
    "an extension": b"\x82\x01.",
    "a memo of 2^28 entries": b"\x80\x02Nr\x00\x00\x00\x10.",
    "a memo of 2^40 entries in text": b"N" + b"p1099511627776\n.",
    "text of 4 GiB": b"\x80\x02X\xff\xff\xff\xffa.",
    "text of 2^62 bytes": b"\x80\x04\x8d" + (1 << 62).to_bytes(8, "little") + b"a.",
    "2^40 bytes": b"\x80\x04\x8e" + (1 << 40).to_bytes(8, "little") + b"a.",
    "a buffer of 2^40 bytes": b"\x80\x05\x96" + (1 << 40).to_bytes(8, "little") + b"a.",
    "a frame of 2^40 bytes": b"\x80\x04\x95" + (1 << 40).to_bytes(8, "little") + b"N.",
    "a number of 2^31 bytes": b"\x80\x02\x8b\xff\xff\xff\x7f\x01.",
    "a number of 10,000 digits": b"I" + 10_000 * b"9" + b"\n.",
    "an array as large as 2^40 numbers": EMPTY
    + b"(I1\n(I1099511627776\ntcnumpy\ndtype\n(S'f4'\nI0\nI1\ntRI00\nS''\ntb.",
    "100,000 dicts of one list": b"\x80\x02ccollections\nOrderedDict\nq\x00]("
    + b"".join(b"K\x01J" + number.to_bytes(4, "little") + b"\x86" for number in range(20_000))
    + b"e\x85q\x010]("
    + 100_000 * b"h\x00h\x01R"
    + b"e.",
    "cut short": pickle.dumps({"model": ARRAYS["plain"]}, 2)[:40],
    "no pickle": b"PK\x03\x04 and so on",
    "nothing": b"",
}
# Nested more than once in itself: spelt out, it fills any memory.
NESTED = b"}q\x01" + b"".join(b"h\x01h\x01\x86q\x01" for _ in range(60))
CRAFTED |= {
    "a kind without end": b"\x80\x02cnumpy\ndtype\n" + NESTED + b"h\x01K\x00K\x01\x87R.",
    "a shape without end": b"\x80\x02"
    + NESTED
    + b"("
    + EMPTY
    + b"(K\x01h\x01cnumpy\ndtype\n(X\x02\x00\x00\x00f4K\x00K\x01tRK\x00C\x00tb.",
}


@pytest.mark.parametrize("name", CRAFTED)
def test_crafted_and_damaged_pickles_are_refused(name, tmp_path):
    (tmp_path / "file.pkl").write_bytes(CRAFTED[name])
    with pytest.raises(InputError, match=r"file\.pkl is (refused|damaged)"):
        read_plain_pickle(tmp_path / "file.pkl")
