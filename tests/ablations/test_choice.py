import pytest

from ablations.choice import choose
from m2f.errors import InputError


def test_upper_and_lower_case_are_one():
    assert choose("xiic", ["4c", "XIIc"], "table") == "XIIc"


def test_an_unknown_word_is_answered_with_the_nearest_and_all():
    with pytest.raises(InputError) as caught:
        choose("minni", ["smoke", "mini", "paper"], "scale")
    assert str(caught.value) == "Unknown scale 'minni' (did you mean 'mini'?); known: smoke, mini, paper."
