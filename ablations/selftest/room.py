"""What a training at the paper's scale takes of a disk and of shared memory, beside what is free of the latter here."""

from dataclasses import dataclass

from ablations.costs.demand import checkpoint_size
from ablations.running.needs import GB, free_bytes, too_small
from ablations.selftest.training_step import TASK, paper_config
from m2f.cost.checkpoint import checkpoints_kept
from m2f.engine.shared_memory import PLACE, loader_bytes


@dataclass(frozen=True)
class Room:
    """Bytes.

    Attributes:
        checkpoints: that a training of the baseline leaves on the disk.
        shared_memory: of the images that its workers have ready.
        shared_memory_free: here.
    """

    checkpoints: int
    shared_memory: int
    shared_memory_free: int

    @property
    def words(self) -> str:
        """A line for people."""
        return (
            f"A training at the paper's scale takes {self.checkpoints / GB:.1f} GB of disk for its checkpoints, and "
            f"{self.shared_memory / GB:.1f} GB of {PLACE}, of which {self.shared_memory_free / GB:.1f} GB are free here"
            f"{too_small(self.shared_memory_free, self.shared_memory)}."
        )


def room_needed() -> Room:
    """What the baseline's training takes."""
    config = paper_config(TASK)
    return Room(checkpoints_kept(config) * checkpoint_size(config), loader_bytes(config), free_bytes(PLACE))
