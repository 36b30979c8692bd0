"""Bans and mutes as answers show them: the fields that both have, and pages of their lists."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Annotated, Generic, NamedTuple, Protocol, TypeVar

import msgspec

from admin_api.http.turns import in_turns
from admin_api.paging import PAGE_MAX
from trio_chat.chat.operators.networks import Network, home_written, parse_network, show_network

SEARCH_MAX = 100
"""Characters of a search."""


class Listed(Protocol):
    """A ban or a mute."""

    @property
    def network(self) -> Network | None:
        """The network that it is for."""

    @property
    def reason(self) -> str:
        """Its reason."""

    @property
    def by(self) -> str:
        """Its operator."""

    @property
    def since(self) -> float:
        """Its beginning, in seconds since 1970."""

    @property
    def until(self) -> float | None:
        """Its end, in seconds since 1970."""

    def is_over(self, now: float) -> bool:
        """True if it has expired."""


class TermsView(NamedTuple):
    """The last fields of a ban and of a mute as operators see them."""

    reason: str
    by: str
    since: datetime
    until: datetime | None


def terms_view(one: Listed) -> TermsView:
    """Describe the terms of a ban or a mute, with times to the second."""
    until = None if one.until is None else _time_of(one.until)
    return TermsView(one.reason, one.by, _time_of(one.since), until)


class PageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A search and a page. Without `limit`, all are listed; `cursor` is the `next` of the page before."""

    search: Annotated[str, msgspec.Meta(max_length=SEARCH_MAX)] = ""
    """A part of the network, name, id, reason or operator; or an address, for those that it is under."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE_MAX, examples=[100])] | None = None
    cursor: Annotated[str, msgspec.Meta(pattern="^[0-9]{1,15}$")] | None = None


R = TypeVar("R", bound=Listed)


@dataclass(frozen=True, slots=True)
class RestrictionPage(Generic[R]):
    """Those on a page that hold, the number of all that match, and the cursor of the next page."""

    items: list[R]
    matching: int
    next: str | None


async def restriction_page(
    rows: Sequence[tuple[int, R]], query: PageQuery, now: float, *, words_of: Callable[[R], str]
) -> RestrictionPage[R]:
    """Return a page of all restrictions, each with its number. `words_of` are the words in which one is searched."""
    found = await _search(rows, query.search, words_of) if query.search else rows
    behind = found[bisect_right(found, int(query.cursor or 0), key=itemgetter(0)) :]
    page = behind[: query.limit]
    following = str(page[-1][0]) if len(page) < len(behind) else None
    holding = [one async for turn in in_turns(page) for _, one in turn if not one.is_over(now)]
    return RestrictionPage(holding, len(found), following)


async def _search(rows: Sequence[tuple[int, R]], search: str, words_of: Callable[[R], str]) -> list[tuple[int, R]]:
    part, asked = search.strip().casefold(), _network_in(search)

    def matches(one: R) -> bool:
        is_within = asked is not None and one.network is not None and _is_in(asked, one.network)
        return is_within or part in words_of(one).casefold()

    return [row async for turn in in_turns(rows) for row in turn if matches(row[1])]


def _network_in(search: str) -> Network | None:
    try:
        return parse_network(search.strip().removeprefix("[").removesuffix("]"), strict=False)
    except ValueError:
        return None


def _is_in(one: Network, other: Network) -> bool:
    return one.version == other.version and one.prefixlen >= other.prefixlen and one.network_address in other


def searched_words(one: Listed, *names: str) -> str:
    """Return the words in which one is searched: its network, reason and operator, and its `names`."""
    network = show_network(one.network) if one.network else ""
    return "\n".join((network, one.reason, one.by, *names))


def home_warnings(written: str, network: Network | None) -> list[str]:
    """Return a sentence where one IPv6 address was `written`, and all of its /64 is meant."""
    exact = _network_in(written)
    if network is None or exact is None or exact == network or home_written(written.strip(), exact) != network:
        return []
    address = exact.network_address
    return [f"{address} stands for {network}, all of which is one home; {address}/128 is that address alone."]


def _time_of(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
