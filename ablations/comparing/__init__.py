"""Numbers beside numbers: ours beside the paper's, and designs beside each other. Nothing here draws or trains."""
