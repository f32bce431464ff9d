import torch
from mmengine.runner.checkpoint import get_state_dict, load_state_dict
from torch import nn

from m2f.checkpoints.loading import load_into
from m2f.models.training_progress import TrainingProgress


def test_untold_it_is_the_beginning_in_training_and_the_end_in_answers():
    progress = TrainingProgress()
    assert progress.train().value == 0
    assert progress.eval().value == 1
    assert progress.to("meta").value == 1


def test_what_it_was_told_is_in_the_checkpoint():
    """As mmengine writes and resumes one, and as an evaluation reads it."""
    trained = nn.Sequential(TrainingProgress()).train()
    trained[0].tell(0.25)
    state = get_state_dict(trained)
    for load in (load_state_dict, load_into):
        other = nn.Sequential(TrainingProgress()).eval()
        load(other, state)
        assert other[0].value == 0.25
    fresh = nn.Sequential(TrainingProgress()).eval()
    load_state_dict(fresh, get_state_dict(nn.Sequential(TrainingProgress())))
    assert fresh[0].value == 1
    assert torch.equal(state["0.told"], torch.tensor(0.25))
