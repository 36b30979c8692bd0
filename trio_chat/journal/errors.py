"""What a journal says when it cannot do what was asked."""


class JournalError(Exception):
    """The store could not do what was asked; the text says why.

    At opening it is a sentence that names the file and what to do. Later it is the bare reason ("the disk is full"),
    fit to be shown to whoever spoke; the journal's `fault` names the file too.
    """
