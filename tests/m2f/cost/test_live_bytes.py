import torch

from m2f.cost.live_bytes import LiveBytes

FLOAT = 4


def meta(*shape):
    return torch.empty(shape, device="meta")


def test_views_count_once_and_what_is_gone_does_not_count():
    with LiveBytes() as live:
        first = meta(10, 10)
        view = first.transpose(0, 1)[2:]
        assert live.alive.total() == 100 * FLOAT
        del first
        assert live.alive.total() == 100 * FLOAT
        del view
        assert live.alive.total() == 0
    assert live.peak == 100 * FLOAT


def test_the_peak_is_what_was_alive_together():
    with LiveBytes() as live:
        for size in (30, 10):
            with live.part("first"):
                one = meta(size)
            with live.part("second"):
                two = one.half()
            del one, two
    assert live.peak == 30 * FLOAT + 30 * 2
    assert live.at_peak == {"first": 30 * FLOAT, "second": 30 * 2}


def test_a_part_inside_another_owns_what_it_makes():
    with LiveBytes() as live, live.part("outer"):
        before = meta(1)
        with live.part("inner"):
            inside = meta(2)
        after = meta(3)
        live.give(after, "given")
        assert live.alive == {"outer": FLOAT, "inner": 2 * FLOAT, "given": 3 * FLOAT}
        del before, inside, after
    assert live.alive.total() == 0


def test_what_is_there_already_is_counted_on_request_and_once():
    weight = meta(5)
    with LiveBytes() as live, live.part("weights"):
        live.count(weight)
        live.count(weight[1:])
    assert live.alive == {"weights": 5 * FLOAT}


def test_gradients_belong_to_the_part_that_they_differentiate():
    leaf = meta(7, 7).requires_grad_()
    with LiveBytes() as live:
        with live.part("first"):
            hidden = leaf.sigmoid()
        with live.part("second"):
            result = hidden.tanh()
        live.alive.clear()
        live.peak = 0
        (to_hidden,) = torch.autograd.grad(result, hidden, meta(7, 7), retain_graph=True)
        assert live.alive["second"] == 49 * FLOAT
        (to_leaf,) = torch.autograd.grad(hidden, leaf, to_hidden)
        assert live.alive["first"] == 49 * FLOAT
        del to_leaf


def test_what_autograd_keeps_is_alive():
    leaf = meta(6).requires_grad_()
    with LiveBytes() as live:
        kept = leaf.exp().sum()
        assert live.alive.total() == 6 * FLOAT + FLOAT
        freed = leaf.neg().sum()
        assert live.alive.total() == 6 * FLOAT + 2 * FLOAT
        del kept, freed


def test_real_tensors_count_as_well():
    with LiveBytes() as live:
        numbers = torch.zeros(3, dtype=torch.long) + torch.ones(3, dtype=torch.long)
        assert live.alive.total() == 3 * 8
    assert numbers.tolist() == [1, 1, 1]
