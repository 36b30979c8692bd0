"""The line view: the transcript printed line by line, on a terminal or into a pipe."""
