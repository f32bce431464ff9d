import subprocess
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[2]


def test_contact_sheet_is_small_enough_to_keep(tmp_path):
    """Two rows of four scenes of 128 pixels beside their ground truth, each pair with 4 pixels around it."""
    picture = tmp_path / "scenes.png"
    subprocess.run([sys.executable, ROOT / "scripts/scenes_picture.py", picture], check=True)
    assert picture.stat().st_size < 150_000
    with Image.open(picture) as image:
        assert image.size == (4 * (2 * 128 + 8), 2 * (128 + 8))
