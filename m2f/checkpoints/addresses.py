"""Where the weights lie that a config names: files, web addresses, and OpenMMLab's names for some of these."""

import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlparse
from urllib.request import urlopen

import torch
from mmengine.dist import barrier
from mmengine.runner import (
    get_deprecated_model_names,
    get_external_models,
    get_mmcls_models,
    get_torchvision_models,
)

from m2f.errors import InputError

WEB = ("http://", "https://")
NAMED: Mapping[str, Callable[[], Mapping[str, str]]] = {
    "torchvision://": get_torchvision_models,
    "modelzoo://": get_torchvision_models,
    "open-mmlab://": get_external_models,
    "openmmlab://": get_external_models,
    "mmcls://": get_mmcls_models,
}
PATIENCE = 10.0  # seconds, for a server's first word


def check_address(address: object, key: str) -> None:
    """See that weights can be had, without reading them: the file is there, or in the cache, or the server answers.

    Args:
        address: as a config has it.
        key: what names it in the config.

    Raises:
        InputError: they cannot.
    """
    if not isinstance(address, str) or not address:
        raise InputError(f"{key} must name a file of weights or an https:// address, not {address!r}; or leave it out.")
    place = located(address, key)
    if not place.startswith(WEB):
        if not Path(place).expanduser().exists():
            raise InputError(
                f"{key} names {address}, and there is no such file; name one that is there, or an https:// address."
            )
    elif not cached(place).is_file() and (fault := unreachable(place)):
        raise not_fetched(place, fault, key)


def fetched(address: str, key: str = "The config") -> Path:
    """The file of weights at an address, downloaded into torch's cache if it is not there.

    Of several processes of a machine the first alone downloads; all have to call this.

    Raises:
        InputError: there is none.
    """
    place = located(address, key)
    if not place.startswith(WEB):
        return Path(place).expanduser()
    file = cached(place)
    if not file.is_file() and int(os.environ.get("LOCAL_RANK", 0)) == 0:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(place, str(file), progress=False)
        except (OSError, RuntimeError) as error:
            raise not_fetched(place, str(error), key) from error
    barrier()
    return file


def located(address: str, key: str) -> str:
    """A path or a web address, from that or one of OpenMMLab's names.

    Raises:
        InputError: it is neither.
    """
    scheme = address.partition("://")[0] + "://"
    if scheme == f"{address}://" or scheme in WEB:
        return address
    name = address.removeprefix(scheme)
    try:
        names = NAMED[scheme]()
        place = names.get(name) or names[get_deprecated_model_names()[name]]
    except (KeyError, ImportError, OSError) as error:
        reason = f" ({error})" if isinstance(error, ImportError | OSError) else ""
        raise InputError(
            f"{key} names {address}, which stands for no weights here{reason}; name a file or an https:// address."
        ) from error
    return place


def cached(address: str) -> Path:
    """Where torch, and so mmengine, keeps what it has downloaded from a web address."""
    return Path(torch.hub.get_dir(), "checkpoints", Path(urlparse(address).path).name)


@cache
def unreachable(address: str) -> str:
    """Why a web address gives nothing; empty if it does."""
    try:
        with urlopen(address, timeout=PATIENCE):
            return ""
    except HTTPError as error:
        return f"the server says {error.code} {error.reason}"
    except (OSError, ValueError) as error:  # no network, no such host, no answer, no address
        return str(getattr(error, "reason", error))


def not_fetched(address: str, fault: str, key: str) -> InputError:
    """The error that weights cannot be downloaded."""
    return InputError(
        f"{key} names {address}, which cannot be fetched ({fault}); fetch it where that can be done and put it at "
        f"{cached(address)}, or name a file."
    )
