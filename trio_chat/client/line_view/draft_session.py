"""The editor of the draft: prompt_toolkit's, with a bound on its height, and clusters in its history."""

from collections.abc import Sequence

from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.layout.dimension import Dimension

from trio_chat.client.line_view.clusters import Clusters
from trio_chat.client.line_view.prompt_renderer import PromptRenderer
from trio_chat.client.line_view.terminal_output import TerminalOutput
from trio_chat.client.transcript.typed_secrets import without_secret

ROWS_MAX = 8
"""Rows of the draft that are shown at once, so that a long paste leaves room for others' lines."""


class DraftSession(PromptSession[str]):
    """A session whose draft shows ROWS_MAX rows at most, and scrolls in them."""

    def use_renderer(self, output: TerminalOutput, *, has_reflow: bool) -> None:
        """Use a renderer for a terminal that reflows, or for one that does not."""
        renderer = PromptRenderer(self.app.renderer.style, output)
        renderer.has_reflow = has_reflow
        self.app.renderer = renderer

    def redraw(self) -> None:
        """Draw now, not in the next turn of the loop."""
        self.app._redraw()

    def _get_default_buffer_control_height(self) -> Dimension:
        wanted = super()._get_default_buffer_control_height()  # with space for completions, while there are any
        return Dimension(min=wanted.min, max=max(ROWS_MAX, wanted.min))

    def _get_continuation(self, width: int, line_number: int, wrap_count: int) -> StyleAndTextTuples:
        """Mark the later lines of a draft, but not the later rows of one line."""
        return [("class:waiting", "| ")] if line_number and not wrap_count else []


class DraftHistory(InMemoryHistory):
    """Drafts that were sent in this sitting, after those of earlier ones."""

    def __init__(self, clusters: Clusters, earlier: Sequence[str] = ()) -> None:
        super().__init__(earlier)
        self._clusters = clusters

    def append_string(self, string: str) -> None:
        """Add a draft, with its clusters and not their stand-ins; none with a password."""
        draft = self._clusters.unfold(string)
        if without_secret(draft) == draft:
            super().append_string(draft)
