"""The gradients of all parameters against mmdet's and transformers', from the same points."""

from m2f.checkpoints import from_ours

TOLERANCE = 1e-4  # of a parameter's largest gradient


def test_gradients_of_all_parameters(steps, library, agree):
    ours = from_ours(steps["ours"].gradients, library)
    theirs = {name: gradient for name, gradient in steps[library].gradients.items() if gradient is not None}
    assert elements(theirs) == elements(steps["ours"].gradients)
    for name, gradient in theirs.items():
        # A key's bias adds the same to all attention logits of a query, which has no effect: rounding alone is left.
        scale = theirs[name.replace("k_proj.bias", "q_proj.bias")]
        agree(ours[name], gradient, TOLERANCE, scale)


def elements(gradients):
    return sum(gradient.numel() for gradient in gradients.values())
