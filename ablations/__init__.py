"""The orchestrator: studies of the paper's tables, their runs, the store of results and the comparison."""

from ablations.own import add_row, add_study
from ablations.variation import Evaluation, Setting, Study, Times, Variation

__all__ = ["Evaluation", "Setting", "Study", "Times", "Variation", "add_row", "add_study"]
