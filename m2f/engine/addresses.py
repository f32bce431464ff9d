"""The weights that a config names: files, web addresses, and OpenMMLab's names for some of these.

What plans trainings looks at them too, so torch is imported only where an address is not a file's.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlparse
from urllib.request import urlopen

from m2f.errors import InputError

if TYPE_CHECKING:
    from mmengine import Config

WEB = ("http://", "https://")
NAMED = {  # the function of mmengine.runner that knows the names
    "torchvision://": "get_torchvision_models",
    "modelzoo://": "get_torchvision_models",
    "open-mmlab://": "get_external_models",
    "openmmlab://": "get_external_models",
    "mmcls://": "get_mmcls_models",
}
PATIENCE = 10.0  # seconds, for a server's first word
# Who publishes files with the beginning of their SHA-256 at the end of their names; elsewhere it may be anything.
HASHING = ("download.pytorch.org", "download.openmmlab.com")
OWN_HASH = re.compile(r"-([0-9a-f]{8})\.[a-z]+$")
HASH_LENGTH = 12  # hex digits of an address


def check_weights(config: "Config | Mapping[str, Any]") -> None:
    """See that the weights which a config names can be had, without reading them or building a model.

    Args:
        config: a whole config, data paths resolved; its ``load_from``, and in ``model`` each ``init_cfg`` of type
            ``Pretrained`` and each ``pretrained``, are looked at.

    Raises:
        InputError: a file is missing, or a web address is neither in torch's cache nor answers within seconds.
    """
    for key, address in weights_of(config).items():
        check_address(address, key)


def weights_of(config: "Config | Mapping[str, Any]") -> dict[str, Any]:
    """The addresses of the weights that a whole config names, by key; any may be wrong."""
    named = dict(named_weights(config.get("model"), "model"))
    if config.get("load_from") is not None:
        named["load_from"] = config["load_from"]
    return named


def named_weights(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    """The keys and addresses of pretrained weights in a model's config."""
    if isinstance(value, Mapping):
        if str(value.get("type")).rpartition(".")[2] in ("Pretrained", "PretrainedInit"):
            yield f"{key}.checkpoint", value.get("checkpoint")
        if value.get("pretrained") is not None:
            yield f"{key}.pretrained", value["pretrained"]
        for name, item in value.items():
            yield from named_weights(item, f"{key}.{name}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from named_weights(item, f"{key}.{index}")


def check_address(address: object, key: str) -> Path:
    """See that weights can be had, without reading them: the file is there, or in the cache, or the server answers.

    Args:
        address: as a config has it.
        key: what names it in the config.

    Returns:
        Their file; what the server has still to be asked for belongs there.

    Raises:
        InputError: they cannot.
    """
    if not isinstance(address, str) or not address:
        raise InputError(f"{key} must name a file of weights or an https:// address, not {address!r}; or leave it out.")
    place = located(address, key)
    if not place.startswith(WEB):
        file = Path(place).expanduser()
        if not file.exists():
            raise InputError(
                f"{key} names {address}, and there is no such file; name one that is there, or an https:// address."
            )
        return file
    if not cached(place).is_file() and (fault := unreachable(place)):
        raise not_fetched(place, fault, key)
    return cached(place)


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
    import torch
    from mmengine.dist import barrier

    if not file.is_file() and int(os.environ.get("LOCAL_RANK", 0)) == 0:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(place, str(file), own_hash(place), progress=False)
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
        import mmengine.runner as names_of

        names = getattr(names_of, NAMED[scheme])()
        place = names.get(name) or names[names_of.get_deprecated_model_names()[name]]
    except (KeyError, ImportError, OSError) as error:
        reason = f" ({error})" if isinstance(error, ImportError | OSError) else ""
        raise InputError(
            f"{key} names {address}, which stands for no weights here{reason}; name a file or an https:// address."
        ) from error
    return place


def cached(address: str) -> Path:
    """The place in torch's cache of what is at a web address, and of nothing else.

    torch and mmengine know it by the file's name alone, which is enough where the name has a hash of the content.
    """
    from torch.hub import get_dir

    name = Path(urlparse(address).path).name
    if own_hash(address) is None:
        name = f"{hashlib.sha256(address.encode()).hexdigest()[:HASH_LENGTH]}-{name}"
    return Path(get_dir(), "checkpoints", name)


def own_hash(address: str) -> str | None:
    """The beginning of the SHA-256 that the name of an address's file says it has, None if it says none."""
    place = urlparse(address)
    found = OWN_HASH.search(Path(place.path).name) if place.hostname in HASHING else None
    return found[1] if found else None


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
