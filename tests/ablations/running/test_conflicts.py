import pytest

from ablations.running.conflicts import conflicts, installed_by
from ablations.running.environment import installed_version


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Puts the metadata of a distribution before those that are installed."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def installed(name, version, module):
        place = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        place.mkdir()
        (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (place / "top_level.txt").write_text(f"{module}\n")
        forget()

    yield installed
    forget()


def forget():
    installed_by.cache_clear()
    installed_version.cache_clear()


def test_here_all_goes_together():
    assert conflicts() == []


def test_the_original_beside_the_maintained_build(install):
    install("mmcv", "2.1.0", "mmcv")
    ((what, found, mend),) = conflicts()
    assert what == "mmcv"
    assert found.startswith("mmcv 2.1.0 and onedl-mmcv 2.")
    assert mend.startswith("pip uninstall mmcv onedl-mmcv, then pip install 'onedl-mmcv>=")


def test_a_version_that_is_too_old(install):
    install("onedl-mmdetection", "3.0.0", "mmdet")
    ((what, found, mend),) = conflicts()
    assert (what, found) == (
        "onedl-mmdetection",
        f"3.0.0; m2f needs {mend.removeprefix('pip install ').strip(chr(39))}",
    )
    assert mend.startswith("pip install 'onedl-mmdetection>=")
