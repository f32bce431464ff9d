"""How Sphinx builds these pages: ``make docs``. Nothing on them is loaded from another host."""

import m2f

project = "m2f"
author = "the m2f authors"
release = version = m2f.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click"]
highlight_language = "none"  # of blocks that name no language
myst_heading_anchors = 3  # links to headings work as on GitHub

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # attributes as a list

html_theme = "furo"
html_title = f"m2f {release}"
html_copy_source = False
html_show_copyright = False
