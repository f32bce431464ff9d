"""Damage to files, drawn by a seeded generator: to their bytes, and to what their format says."""

import ast
import csv
import io
import json
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

PAGE = 4096
DEEP = 200_000
RAW = {"@digits@": "1" + 5000 * "0", "@1e999@": "1e999", "@-0@": "-0", "@half@": '"\\ud800"', "@deep@": DEEP * "["}
"""What ``json.dumps`` does not write, by the word that stands for it."""

VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2, 3.5, 1e-320, 1e15, 1e308, -1e308, 2**31, 2**53 + 1, 2**64, 10**300),
    *(float("nan"), float("inf"), -float("inf"), *RAW),
    *(
        "",
        " ",
        ".",
        "..",
        "/",
        "../escaped",
        "/etc/passwd",
        "a/b",
        "a\0b",
        "\ud800",
        "\n",
        "\x1b[31m",
        "é",
        "[red]x",
        "%s",
    ),
    *(1000 * "x", 300 * "é", "nan", "40", "1,2", "'; touch executed;'", "__import__('os').system('touch executed')"),
    *([], {}, [[]], [None], {"": None}, {"type": "subprocess.call", "args": "touch executed"}, ["touch", "executed"]),
]
CODE = (
    "import os\nos.system('touch executed')\n",
    "custom_imports = {'imports': ['antigravity_of_a_stranger'], 'allow_failed_imports': False}\n",
    "model = {'type': 'subprocess.call', 'args': 'touch executed'}\n",
    "x = __import__('os').system('touch executed')\n",
    "_base_ = ['../../elsewhere.py']\n",
    "if True:\n",
    "x: int\n",
    "x, y = 1, 2\n",
    "x = " + 3000 * "(" + "\n",
    "x = " + 3000 * "-" + "1\n",
    "x = {{fileDirname}}\n",
    "model = None\n",
    "# -*- coding: no-such -*-\n",
)


class Executes:
    """What runs a command when it is read as a pickle."""

    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os.system, ("touch executed",)


def damage_bytes(content: bytes, random: Random) -> bytes:
    """Cut, flip, zero, empty, double, or mix."""
    place = random.randrange(len(content) + 1)
    end = min(len(content), place + random.choice([1, 8, 64, PAGE]))
    some = bytes(random.randrange(256) for _ in range(min(end - place, 64)))
    flipped = bytes([content[place] ^ 1 << random.randrange(8)]) if place < len(content) else b"\xff"
    return random.choice(
        [
            content[:place],
            content[place:],
            content[:place] + flipped + content[place + 1 :],
            content[:place] + bytes(end - place) + content[end:],
            content[:place] + content[end:],
            content[:place] + some + content[place + len(some) :],
            content[:place] + some + content[place:],
            b"",
            content + content,
            b"\xef\xbb\xbf" + content,
            content.replace(b"\n", b"\r\n"),
            bytes(PAGE),
            b"\xff\xfe" + content,
            content[:place] + b"\0" + content[place:],
        ]
    )


def damage_value(value: Any, random: Random) -> Any:
    """A value like JSON's with one place changed, which is drawn level by level; the original stays as it is."""
    inner = isinstance(value, dict | list) and value and random.random() < 0.9
    if not inner:
        return changed(value, random)
    if isinstance(value, dict):
        key = random.choice(list(value))
        match random.randrange(12):
            case 0:
                return {own: each for own, each in value.items() if own != key}
            case 1:
                other = random.choice(VALUES)
                name = other if isinstance(other, str) else str(other)
                return {(name if own == key else own): each for own, each in value.items()}
            case 2:
                return value | {random.choice(["", "extra", "../x", 500 * "k"]): random.choice(VALUES)}
        return value | {key: damage_value(value[key], random)}
    place = random.randrange(len(value))
    match random.randrange(12):
        case 0:
            return value[:place] + value[place + 1 :]
        case 1:
            return [*value[: place + 1], *value[place:]]
        case 2:
            return value[::-1]
        case 3:
            return [*value, random.choice(VALUES)]
    return [*value[:place], damage_value(value[place], random), *value[place + 1 :]]


def changed(value: Any, random: Random) -> Any:
    """Another value in the place of one: a near one, one of another type, or any."""
    near: list[Any] = [[value], {"value": value}, str(value)]
    if isinstance(value, int | float) and not isinstance(value, bool):
        near += [value + 1, -value, value * 1.5, value / 2, float(value), value * 10**12]
    if isinstance(value, str):
        if random.random() < 0.5:
            return random.choice([each for each in VALUES if isinstance(each, str)])
        near += [
            value + value,
            value[:-1],
            value.upper(),
            value + "\ud800",
            "../" + value,
            value + "\0",
            value.encode().hex(),
        ]
    return random.choice(near if random.random() < 0.3 else VALUES)


def damage_json(content: bytes, random: Random) -> bytes:
    """JSON with one to three values changed, or a key twice."""
    value = json.loads(content)
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        value = damage_value(value, random)
    text = json.dumps(value, ensure_ascii=random.random() < 0.5, indent=random.choice([None, 1]))
    for word, raw in RAW.items():
        text = text.replace(f'"{word}"', raw)
    if random.random() < 0.1 and isinstance(value, dict) and value:
        text = "{" + f"{json.dumps(random.choice(list(value)))}: null, " + text[1:]
    return text.encode(errors="surrogatepass")


def damage_csv(content: bytes, random: Random) -> bytes:
    """A table with a cell, row or column changed."""
    rows = list(csv.reader(io.StringIO(content.decode())))
    row = random.randrange(len(rows))
    column = random.randrange(len(rows[row])) if rows[row] else 0
    match random.randrange(8):
        case 0:
            rows.pop(row)
        case 1:
            rows.insert(row, rows[row])
        case 2:
            rows = [[*own[:column], *own[column + 1 :]] for own in rows]
        case 3:
            rows[row] = rows[row][:column]
        case 4:
            rows = [[*own, *own[column : column + 1]] for own in rows]
        case 5:
            random.shuffle(rows)
        case _:
            rows[row] = [*rows[row][:column], str(random.choice(VALUES)), *rows[row][column + 1 :]]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode(errors="surrogatepass")


def damage_config_of_run(content: bytes, random: Random) -> bytes:
    """A config that a run keeps, with a value changed, or with code in it."""
    if random.random() < 0.25:
        code = random.choice(CODE).encode()
        return random.choice([content + b"\n" + code, code + content, code])
    return damage_config(content, random)


def damage_config(content: bytes, random: Random) -> bytes:
    """A config of values with one or two changed."""
    lines = ast.parse(content).body
    values = {line.targets[0].id: ast.literal_eval(line.value) for line in lines}  # type: ignore[attr-defined]
    for _ in range(random.choice([1, 1, 2])):
        values = as_dict(damage_value(values, random))
    return "\n".join(f"{key} = {value!r}" for key, value in values.items()).encode(errors="surrogatepass")


def as_dict(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {"model": value}


def damage_zip(content: bytes, random: Random) -> bytes:
    """An archive written anew with a record packed, renamed, missing, twice, damaged, or one that runs code."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        records = [(record.filename, archive.read(record)) for record in archive.infolist()]
    place = random.randrange(len(records))
    name, own = records[place]
    compression = zipfile.ZIP_STORED
    match random.randrange(7):
        case 0:
            records.pop(place)
        case 1:
            records.append(records[place])
        case 2:
            records[place] = (random.choice(["../escaped", "/escaped", " ", name.upper(), name + "2"]), own)
        case 3:
            records[place] = (name, damage_bytes(own, random))
        case 4:
            compression = zipfile.ZIP_DEFLATED
            records[place] = (name, bytes(2**24))
        case 5:
            records[place] = (name, pickle.dumps(Executes(), protocol=2))
        case 6:
            records[place] = (name, damage_pickle(own, random))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for each in records:
            archive.writestr(*each)
    return out.getvalue()


def damage_pickle(content: bytes, random: Random) -> bytes:
    """A pickle that begins otherwise, asks for much room, or runs code."""
    place = random.randrange(len(content) + 1)
    return random.choice(
        [
            pickle.dumps(Executes(), protocol=2),
            pickle.dumps({"state_dict": {"transformer_decoder.a": Executes()}}, protocol=4),
            b"\x80\x02Nr\x00\x00\x00\x10.",
            b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + content,
            content[:place] + b"Nr\xff\xff\xff\x7f" + content[place:],
            content[:place] + b"cos\nsystem\n(S'touch executed'\ntR." + content[place:],
            content[:place] + random.choice([b"(", b"}", b"]", b"0", b"h\0", b"N", b"."]) + content[place:],
            DEEP * b"(" + content,
            DEEP * b"\x8f" + b".",
        ]
    )


def damage_safetensors(content: bytes, random: Random) -> bytes:
    """A file of safetensors whose header says something else."""
    (length,) = struct.unpack("<Q", content[:8])
    header, rest = content[8 : 8 + length], content[8 + length :]
    if random.random() < 0.2:
        return struct.pack("<Q", random.choice([0, 1, length + 1, 2**32, 2**63])) + header + rest
    other = damage_json(header, random)
    return struct.pack("<Q", len(other)) + other + rest


def damage_png(content: bytes, random: Random) -> bytes:
    """A PNG whose first chunk says something else, with the right checksum, or that lacks a chunk."""
    head, size = content[:8], 13
    fields = list(struct.unpack(">IIBBBBB", content[16 : 16 + size]))
    place = random.randrange(len(fields))
    fields[place] = (
        random.choice([0, 1, 2, 3, 4, 6, 8, 16, 65, 255]) if place > 1 else random.choice([0, 1, 20000, 2**31 - 1])
    )
    chunk = b"IHDR" + struct.pack(">IIBBBBB", *fields)
    return head + struct.pack(">I", size) + chunk + struct.pack(">I", zlib.crc32(chunk)) + content[16 + size + 4 :]


BY_SUFFIX: dict[str, Callable[[bytes, Random], bytes]] = {
    ".json": damage_json,
    ".csv": damage_csv,
    ".py": damage_config,
    ".pth": damage_zip,
    ".pkl": damage_pickle,
    ".safetensors": damage_safetensors,
    ".png": damage_png,
}


def damage_file(path: Path, random: Random) -> None:
    """Damage a file: what its format says, its bytes, or what lies in its place."""
    draw = random.random()
    if draw < 0.03:
        path.unlink()
    elif draw < 0.06:
        path.unlink()
        path.mkdir()
    elif draw < 0.09:
        path.unlink()
        path.symlink_to(random.choice([path.name, "/dev/null", "..", "nowhere"]))
    else:
        content = path.read_bytes()
        by_format = BY_SUFFIX.get(path.suffix)
        if path.name == "config.py":
            by_format = damage_config_of_run
        if draw < 0.3 or by_format is None or (path.suffix == ".pth" and not zipfile.is_zipfile(path)):
            by_format = damage_bytes
        try:
            path.write_bytes(by_format(content, random))
        except ValueError:  # lines of JSON, say
            path.write_bytes(damage_bytes(content, random))
