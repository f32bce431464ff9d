"""What is installed and does not go together: two distributions of one module, and versions that m2f cannot use."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions, version

from ablations.running.environment import PACKAGES, installed_version, requirements

Conflict = tuple[str, str, str]  # what, how it is, what to do about it
SHARED = ("mmengine", "mmcv", "mmdet", "mmseg")  # the maintained builds install modules of the originals' names


def conflicts() -> list[Conflict]:
    """All of them, by module and package."""
    return [*_twice(), *_unfit()]


def _twice() -> Iterator[Conflict]:
    """Modules that two distributions have installed, each over files of the other."""
    owners = installed_by()
    wanted = {each.name: str(each) for each in requirements()}
    for module in SHARED:
        names = sorted(set(owners.get(module, ())))
        if len(names) > 1:
            both = " and ".join(f"{name} {version(name)}" for name in names)
            own = next((wanted[name] for name in PACKAGES[module] if name in wanted), PACKAGES[module][0])
            mend = f"pip uninstall {' '.join(names)}, then pip install '{own}'"
            yield module, f"{both} lie in one directory, over each other", mend


@cache
def installed_by() -> Mapping[str, list[str]]:
    """By module, the distributions that have installed it. Reading what each has installed takes half a second."""
    return packages_distributions()


def _unfit() -> Iterator[Conflict]:
    """Packages that m2f asks for in other versions, or that are not there."""
    for each in requirements():
        found = installed_version((each.name,))
        if found is None or not each.specifier.contains(found, prereleases=True):
            yield each.name, f"{found or 'missing'}; m2f needs {each}", f"pip install '{each}'"
