import pytest

from m2f.errors import InputError
from m2f.thing_labels import flags_of, thing_flags


def test_things_are_first_unless_they_are_named():
    assert thing_flags(2, 1) == (True, True, False)
    assert thing_flags(2, 2, [3, 1]) == (False, True, False, True)
    assert flags_of({"num_things": 1, "num_stuff": 1, "thing_labels": [1]}) == (False, True)
    assert flags_of({"num_things": 1, "num_stuff": 1}) == (True, False)


@pytest.mark.parametrize("labels", [[0], [0, 0], [0, 3], [-1, 0], [0, 1, 2]])
def test_named_things_must_be_so_many_labels(labels):
    with pytest.raises(InputError, match=r"model\.thing_labels .* num_things = 2 different ones, from 0 to 2"):
        thing_flags(2, 1, labels)
