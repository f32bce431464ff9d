import numpy as np
import pytest

from ablations.comparing.over_images import image_interval, quality
from m2f.metrics.panoptic_quality import quality_by_class


def counts(generator, images=60, classes=4, share=0.7):
    """PQ's parts of a model that finds a share of the segments, with an IoU around 0.8."""
    matched = generator.binomial(3, share, (images, classes)).astype(float)
    iou = matched * generator.uniform(0.7, 0.9, (images, classes))
    return np.stack([iou, matched, generator.binomial(2, 0.3, (images, classes)), 3 - matched], axis=1)


def test_pq_is_the_metric_s():
    sums = counts(np.random.default_rng(0)).sum(axis=0)
    sums[:, 2] = 0  # a class that does not occur
    qualities, occurs = quality_by_class(sums)
    assert quality(sums) == pytest.approx(100 * qualities[0][occurs].mean())


def test_miou_by_hand():
    assert quality(np.array([[1.0, 3.0, 0.0], [2.0, 4.0, 0.0]])) == 100 * (0.5 + 0.75) / 2
    assert np.isnan(quality(np.zeros((2, 3))))


def test_the_interval_is_that_of_plain_loops():
    generator = np.random.default_rng(1)
    row, baseline = counts(generator, share=0.6), counts(generator)
    low, high = image_interval({0: row}, {0: baseline})
    drawn = []
    for _ in range(4000):
        chosen = generator.integers(0, 60, 60)
        drawn.append(quality(row[chosen].sum(axis=0)) - quality(baseline[chosen].sum(axis=0)))
    spread = np.subtract(*np.quantile(drawn, [0.975, 0.025]))
    assert [low, high] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.08 * spread)


def test_the_same_images_are_drawn_for_both():
    """Images differ much and the models do not: unpaired, the interval would be wide."""
    generator = np.random.default_rng(2)
    row = counts(generator) * generator.integers(1, 30, (60, 1, 1))
    assert image_interval({3: row}, {3: row.copy()}) == (0.0, 0.0)


def test_it_holds_the_difference_of_all_images_as_often_as_it_says():
    """Of a hundred data sets drawn from one population; a binomial share of 0.95 lies within 0.89 and 0.99."""
    generator = np.random.default_rng(3)
    many = [counts(generator, images=20000, share=share) for share in (0.6, 0.7)]
    truth = quality(many[0].sum(axis=0)) - quality(many[1].sum(axis=0))
    held = 0
    for _ in range(100):
        low, high = image_interval({0: counts(generator, 80, share=0.6)}, {0: counts(generator, 80)})
        held += low <= truth <= high
    assert 89 <= held <= 99


def test_seeds_are_averaged_and_runs_that_do_not_fit_have_no_interval():
    generator = np.random.default_rng(4)
    one, other, base = (counts(generator) for _ in range(3))
    low, high = image_interval({0: one, 1: base, 7: other}, {0: base, 1: one})
    assert (low, high) == pytest.approx((0.0, 0.0), abs=1e-9), "what one seed gains the other loses"
    assert image_interval({0: one}, {1: base}) is None
    assert image_interval({0: one, 1: None}, {0: base, 1: base}) is None
    assert image_interval({0: one}, {0: base[:50]}) is None
