import re

import pytest

from m2f.errors import InputError
from m2f.extras import imported


def test_a_module_that_is_there():
    assert imported("re", "bench") is re


def test_one_that_is_not_names_its_extra():
    with pytest.raises(InputError, match=r"^m2f_nothing is not installed; `pip install 'm2f\[bench\]'` installs it\.$"):
        imported("m2f_nothing.inside", "bench")
    with pytest.raises(InputError, match="re is not installed"):
        imported("re.nothing", "bench")
