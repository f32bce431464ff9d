"""What a store measured, beside the paper: PDF, HTML, Markdown, LaTeX and CSV. Nothing here runs a model.

It is imported as ``ablations.reports``, in a checkout through a link: an installation has no package named ``reports``.
"""

from pathlib import Path

REFERENCE = Path(__file__).with_name("reference")
"""The results that come with m2f: a packed store, and the costs."""
