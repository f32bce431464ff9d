"""Small files that would take much memory, read in a process whose memory is watched."""

import json
import re
import struct
import subprocess
import sys
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import pytest
import torch
from safetensors.torch import save_file

from m2f.checkpoints.sizes import require_stored

MIB = 1 << 20
READ = """
import resource, sys
from pathlib import Path
from m2f.checkpoints import read_checkpoint
from m2f.errors import InputError

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

before = peak()
for name in sys.argv[1:]:
    try:
        read_checkpoint(Path(name))
    except InputError as error:
        print(Path(name).name, peak() - before, error, sep="\\t")
    before = peak()
"""


def repacked(path, change):
    """A file of torch's whose records went through ``change``, a function of the new archive, a name and its bytes."""
    torch.save({"state_dict": {"transformer_decoder.a.weight": torch.ones(4), "b": torch.zeros(2)}}, path)
    with ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with ZipFile(path, "w") as archive:
        for name, content in records.items():
            change(archive, name, content)


def zeros(archive, name, content):
    """The 4 GiB of zeros, 4 MB in the file; here a quarter of it."""
    if not name.endswith("/data/0"):
        archive.writestr(name, content)
        return
    with archive.open(archive_info(name), "w", force_zip64=True) as record:
        for _ in range(64):
            record.write(bytes(16 * MIB))


def archive_info(name):
    info = ZipInfo(name)
    info.compress_type = ZIP_DEFLATED
    return info


def packed_notes(archive, name, content):
    archive.writestr(name, content, ZIP_DEFLATED if name.endswith("data.pkl") else ZIP_STORED)


def stretched(size):
    """A tensor of 2 numbers that says to have ``size``, for which torch would make room."""

    def change(archive, name, content):
        if name.endswith("data.pkl"):
            assert content.count(b"K\x04\x85") == 1
            content = content.replace(b"K\x04\x85", b"J" + struct.pack("<i", size) + b"\x85")
        archive.writestr(name, content)

    return change


def directory(path, header, data=b""):
    """A directory of transformers' whose safetensors has this header."""
    path.mkdir()
    (path / "config.json").write_text('{"model_type": "mask2former"}')
    (path / "model.safetensors").write_bytes(header + data)
    return path


def framed(header):
    content = json.dumps(header).encode() if not isinstance(header, bytes) else header
    return struct.pack("<Q", len(content)) + content


def tensor(begin, end, shape):
    return {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """By file name: the MiB that reading took, and the sentence."""
    place = tmp_path_factory.mktemp("hostile")
    for name, change in {
        "zeros.pth": zeros,
        "packed.pth": packed_notes,
        "stretched.pth": stretched(1 << 29),
    }.items():
        repacked(place / name, change)
    text = 500_000 * b"a"
    shared = (
        b"\x80\x02c_codecs\nencode\nq\x00X"
        + struct.pack("<I", len(text))
        + text
        + b"q\x01X\x06\x00\x00\x00latin1q\x02]("
    )
    pickles = {
        "memo.pkl": b"\x80\x02Nr\x00\x00\x00\x10.",
        "bytes.pkl": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 31) + b"a.",
        "buffer.pkl": b"\x80\x05\x96" + struct.pack("<Q", 1 << 31) + b"a.",
        "frame.pkl": b"\x80\x04\x95" + struct.pack("<Q", 1 << 31) + b"N.",
        "shared.pkl": shared + 20_000 * b"h\x00h\x01h\x02\x86R" + b"e.",
        "deep.pkl": b"\x80\x02" + 1_000_000 * b"]" + 999_999 * b"a" + b".",
        "names.pkl": b"\x80\x02})q\x01" + 24 * b"h\x01\x86q\x01h\x01" + b"K\x01s.",
    }
    for name, content in pickles.items():
        (place / name).write_bytes(content)
    torch.save({"state_dict": {"a": torch.zeros(1).expand(1 << 40)}}, place / "expanded.pth")
    old = {"state_dict": {"a": torch.zeros(4)}}
    torch.save(old, place / "old.pth", _use_new_zipfile_serialization=False)
    content = (place / "old.pth").read_bytes()
    (place / "old.pth").write_bytes(content.replace(b"K\x04Ntq", b"J\xff\xff\xff\x3fNtq"))
    directory(place / "header", struct.pack("<Q", 1 << 60) + b"{}")
    directory(place / "overlap", framed({"a": tensor(0, 16, [4]), "b": tensor(8, 24, [4])}), bytes(24))
    directory(place / "beyond", framed({"a": tensor(0, 1 << 34, [1 << 32])}), bytes(16))
    directory(place / "nested", framed(100_000 * b"["))
    deep = directory(place / "deep", framed({}))
    (deep / "config.json").write_text(200_000 * "[")
    for name, file in (
        ("up", ".."),
        ("out", "/etc/passwd"),
        ("above", "../overlap/model.safetensors"),
        ("text", "a.txt"),
    ):
        save_file({}, directory(place / name, b"") / "model.safetensors")
        (place / name / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": file}}))
    names = sorted(path.name for path in place.iterdir())
    command = [sys.executable, "-c", READ, *(str(place / name) for name in names)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    lines = [line.split("\t") for line in ended.stdout.splitlines()]
    return {"expected": names, **{name: (int(grown), sentence) for name, grown, sentence in lines}}


def test_all_are_refused_with_little_memory(told):
    assert [name for name in told if name != "expected"] == told["expected"]
    for name in told["expected"]:
        grown, sentence = told[name]
        assert grown < 200, (name, grown)
        assert name in sentence


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("zeros.pth", r"/data/0 is packed, 1073741824 bytes in \d+, as torch never does"),
        ("packed.pth", r"data\.pkl is packed"),
        ("stretched.pth", "cannot be read as tensors alone"),
        ("expanded.pth", "does not hold the numbers of a, only its shape"),
        ("memo.pkl", "entry 268435456 of a memo after 3 steps"),
        ("deep", "config.json is not JSON as people write it: it is nested too deep; fetch it again"),
        ("above", "must name files beside itself"),
        ("up", "must name files beside itself"),
    ],
)
def test_the_reason_is_told(name, sentence, told):
    assert re.search(sentence, told[name][1]), told[name]


def test_what_torch_writes_is_stored(tmp_path):
    path = tmp_path / "model.pth"
    torch.save({"a": torch.ones(1000), "b": torch.arange(3)}, path)
    with ZipFile(path) as archive:
        require_stored(archive, path.stat().st_size)


def test_records_in_one_another_and_records_behind_something(tmp_path):
    path = tmp_path / "model.pth"
    torch.save({"a": torch.ones(1000)}, path)
    with ZipFile(path) as archive, pytest.raises(ValueError, match="larger than its 100 bytes"):
        require_stored(archive, 100)
    path.write_bytes(b"PK\x03\x04 something" + path.read_bytes())
    with ZipFile(path) as archive, pytest.raises(ValueError, match="does not begin with a record"):
        require_stored(archive, path.stat().st_size)
