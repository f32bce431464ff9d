"""The one exception that means "what you gave us cannot be used"."""


class InputError(ValueError):
    """Bad input from the user: one clear sentence that names the file or key and the mend.

    The command line prints the sentence and exits with code 2; nothing has been written over.
    """
