"""The orchestrator: studies of the paper's tables, their runs, the store of results and the comparison."""

from ablations.studies.study import Evaluation, Setting, Study, Times, Variation
from ablations.studies.users_rows import add_row, add_study

__all__ = ["Evaluation", "Setting", "Study", "Times", "Variation", "add_row", "add_study"]
