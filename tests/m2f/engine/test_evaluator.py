import pytest
from hypothesis import given
from hypothesis import strategies as st

from m2f.engine.evaluator import in_order


@given(size=st.integers(1, 40), batch_size=st.integers(1, 9), processes=st.integers(1, 5))
def test_results_are_in_the_order_of_the_data_set_each_once(size, batch_size, processes):
    images = list(range(size))
    batches = [images[first : first + batch_size] for first in range(0, size, batch_size)]
    batches += [batches[-1]] * (-len(batches) % processes)  # see WholeBatches
    parts = [[image for batch in batches[rank::processes] for image in batch] for rank in range(processes)]
    assert in_order(parts, batch_size, size) == images


def test_a_metric_must_keep_one_result_an_image():
    with pytest.raises(RuntimeError, match="a metric keeps 2 results of 3 images"):
        in_order([[0], [1]], 2, 3)
