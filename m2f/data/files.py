"""Reading the files of a data set, with one clear sentence when a file cannot be used."""

import json
from pathlib import Path
from typing import Any

from m2f.errors import InputError


def load_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        InputError: the file is missing, or it is not whole JSON, or nested beyond reason.
    """
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"Cannot read {path} ({error.strerror}); check the data directory.") from error
    except ValueError as error:
        raise InputError(f"{path} is not whole JSON ({error}); fetch or generate it again.") from error
    except RecursionError as error:
        raise InputError(f"{path} is not JSON as people write it: it is nested too deep; name another file.") from error
