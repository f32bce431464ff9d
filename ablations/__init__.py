"""The orchestrator: studies of the paper's tables, their runs, the store of results and the comparison."""
