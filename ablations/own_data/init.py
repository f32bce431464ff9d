"""``m2f data init``: from a data set's directory to a config that fits it and this machine."""

from collections.abc import Iterator
from pathlib import Path

from ablations.own_data.config_text import class_words, config_text, write_lists
from ablations.own_data.contents import TASKS, Contents, read_contents
from ablations.own_data.proposal import Device, Proposal, propose, this_device
from ablations.own_data.training import require_data_of
from ablations.planning.scales import SCALES
from m2f.data.class_file import CLASS_FILE, NO_CLASS, ClassFile, read_class_file
from m2f.data.verify import Progress
from m2f.errors import InputError
from m2f.files import write_atomically


def config_folder(root: Path, out: Path | None) -> Path:
    """Where the configs of a data set lie: beside one's work, under its name, unless another folder is named.

    Raises:
        InputError: the name is one of m2f's own scales, and a report could not tell the two apart.
    """
    folder = out or Path(root.resolve().name)
    if folder.resolve().name.lower() in SCALES:
        raise InputError(f"'{folder}' has the name of a scale of m2f's own; name another folder with --out.")
    return folder


def write_config(
    root: Path,
    task: str | None,
    folder: Path,
    data: Path,
    progress: Progress = lambda *place: None,
    device: Device | None = None,
) -> tuple[Path, Contents, Proposal]:
    """Look through a data set and write ``<task>.py`` into a folder.

    Args:
        root: the data set's directory.
        task: see :func:`ablations.own_data.contents.read_contents`.
        folder: where the config is written.
        data: directory of data sets: in the config, one below it begins with ``data/``, as ``m2f run`` understands.
        progress: is told how far each part has come.
        device: what to propose for; None for this machine's.

    Raises:
        InputError: the data set cannot be used, there is a config that would be written over, or the folder has one of
            another data set.
    """
    contents = read_contents(root, task, progress)
    path = folder / f"{contents.task}.py"
    if path.exists():
        raise InputError(f"{path} exists and is not written over; train it with `m2f train {path}`, or remove it.")
    for other in (folder / f"{each}.py" for each in TASKS):
        if other.is_file():  # a folder is a scale, with one data set
            require_data_of(other, root, data)
    proposal = propose(contents, device or this_device())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = config_text(contents, proposal, named_root(root, data), write_lists(contents, folder))
        write_atomically(path, text.encode())
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); name another folder with --out.") from error
    return path, contents, proposal


def named_root(root: Path, data: Path) -> str:
    """A data set's directory as a config names it: below ``data/``, or else whole."""
    whole, parent = root.resolve(), data.resolve()
    place = Path("data") / whole.relative_to(parent) if whole.is_relative_to(parent) and whole != parent else whole
    return f"{place.as_posix()}/"


def account(path: Path, contents: Contents, proposal: Proposal) -> Iterator[str]:
    """What was found and proposed, in sentences."""
    train, val = contents.train, contents.val
    yield (
        f"{contents.root}: {contents.task} segmentation, {class_words(contents)}; {train.images} images to train on, "
        f"{val.images} to evaluate on{', one in five held out' if train.listed else ''}."
    )
    file = read_class_file(contents.root) if contents.maps else None
    if file:
        yield meaning_of_zero(file, contents.zero_is_void)
    rare = [name for label, name in enumerate(contents.classes) if not train.counts.get(label)]
    if rare:
        more = f" and {len(rare) - 3} more" if len(rare) > 3 else ""
        yield f"Nothing to learn of {', '.join(rare[:3])}{more}: no training image shows it."
    yield (
        f"Proposed for {proposal.device.name}: {proposal.iterations} iterations of {proposal.batch} images, "
        f"{proposal.size} pixels a side."
    )
    yield f"Written: {path}, which is short and says what each number is; change what you like."


def meaning_of_zero(file: ClassFile, zero_is_void: bool) -> str:
    """What label 0 of semantic maps is taken for, and how to have it otherwise, in a sentence or two."""
    first = file.names[0]
    if file.zero_is_void:
        return f"Label 0 of the maps is no class, as the line '{NO_CLASS}' of {CLASS_FILE} says; label 1 is '{first}'."
    if zero_is_void:
        return (
            f"Label 0 of the maps is taken for no class, and 1 for '{first}': no map shows 0, and there are as many "
            "labels from 1 as names."
        )
    return (
        f"Label 0 of the maps is taken for '{first}', the first name of {CLASS_FILE}. If 0 is no class, put a line "
        f"'{NO_CLASS}' before '{first}' where that is label 1, or in its place, and write the config anew."
    )
