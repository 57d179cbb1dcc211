"""What the user can put right."""


class UsageError(Exception):
    """A mistake of the user's: the command line shows it as one line and ends with status 2.

    The message names the key or the file, the value, and the remedy.
    """
