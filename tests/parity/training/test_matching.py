"""Matching of every prediction against mmdet's and transformers', from the same points."""

TOLERANCE = 1e-5  # of a problem's largest cost


def test_costs_of_every_prediction(steps, library, agree):
    for (ours, _), (theirs, _) in zip(steps["ours"].problems, steps[library].problems, strict=True):
        agree(ours, theirs, TOLERANCE)


def test_matched_pairs_of_every_prediction(steps, library):
    ours = [pairs for _, pairs in steps["ours"].problems]
    assert ours == [pairs for _, pairs in steps[library].problems]
    assert len(set(map(str, ours))) > 1  # layers differ in what they match
