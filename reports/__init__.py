"""What a store measured, beside the paper: PDF, HTML, Markdown, LaTeX and CSV. Nothing here runs a model."""
