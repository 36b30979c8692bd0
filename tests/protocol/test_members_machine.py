"""Members at a real server under whatever they do, in any order, beside a model that is a few dictionaries.

Names, keys and places; rooms, read marks that places share, those who are ignored; messages that wait, their bounds,
and the news on coming back. Everything that the model expects is read from the server's answers, at each step.
"""

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.protocol.conftest import Server
from tests.protocol.test_frames import HELLO, Frames
from tests.protocol.test_names import Key, challenge, say_hello
from tests.protocol.test_operators import ask

SHARE = 50
"""Messages of one sender that wait for one member, by docs/names.md."""

PEOPLE = ("alice", "bob", "carol")

ACTIONS = [
    *["come", "tell", "say", "mark"] * 3,
    *["go", "resume", "lose_connection", "leave_room", "add_key", "remove_key"] * 2,
    *["come_as_guest", "claim_name", "ignore", "intrude", "look_into_the_mailbox", "restart"],
]
"""Methods of the machine, those more often that others depend on."""


class Choice(NamedTuple):
    """The numbers by which an action chooses a place and what it does, and the person that it is about."""

    number: int = 0
    other: int = 0
    who: str = "alice"


FIRST = Choice()
CHOICES = st.builds(Choice, st.integers(0, 11), st.integers(0, 11), st.sampled_from(PEOPLE))


@dataclass
class Message:
    """Something that was said in a room, or told; no two have one text."""

    id: int
    text: str
    sender: str


@dataclass
class Member:
    """All that the server is to know of a member."""

    name: str
    keys: list[Key] = field(default_factory=list)
    rooms: set[str] = field(default_factory=set)
    marks: dict[str, int] = field(default_factory=dict)
    """The id up to which each room was read, or was to be read when it was entered; "@" is the mailbox."""
    ignored: list[str] = field(default_factory=list)
    mail: list[Message] = field(default_factory=list)
    """Messages that were told by them, and to them, in the order of the ids."""
    waiting: Counter[str] = field(default_factory=Counter)
    """Messages that count for the bounds, by sender."""


class Place:
    """A connection of a member, or of a guest, that keeps the rules of docs/protocol.md about what it has seen."""

    def __init__(self, frames: Frames, who: str, session: str, key: Key | None) -> None:
        self.who, self.session, self.key = who, session, key
        self.is_key_known = True
        """False from a restart of the server on, until it proves its name again."""
        self.rooms: set[str] = set()
        self.seen: dict[str, int] = {}
        self.heard: list[tuple[str, str]] = []
        """Rooms and texts of what was said and told, in the order of coming."""
        self.due: list[tuple[str, str]] = []
        """Those that it is to be sent, whether that has happened yet or not."""
        self.marks: list[tuple[str, int]] = []
        """Marks that other places have moved."""
        self.news = 0
        self.epoch = ""
        self.frames: Frames | None = frames
        self._asked = itertools.count()

    def begin(self, welcome: dict) -> None:
        self.epoch = welcome["epoch"]
        self.rooms = {room["name"] for room in welcome["rooms"]}
        for room in welcome["rooms"]:
            self.seen.setdefault(room["name"], room["last_id"])
        self.seen.setdefault("@", welcome["last_id"])

    def read(self) -> dict:
        assert self.frames
        frame = self.frames.receive()
        match frame["type"]:
            case "entry":
                assert frame["id"] > self.seen.get(frame["room"], 0)
                self.seen[frame["room"]] = frame["id"]
                if frame["kind"] in ("said", "told"):
                    self.heard.append((frame["room"], frame["text"]))
            case "read":
                self.marks.append((frame["room"], frame["id"]))
            case "news":
                self.news += 1
            case "gap":
                raise AssertionError(frame)
        return frame

    def ask(self, **request: object) -> dict:
        """Send a request. -> its answer, which may be the entry that acknowledges it"""
        assert self.frames
        key = f"k{next(self._asked)}-{self.session}"
        self.frames.send(**request, key=key)
        while (frame := self.read()).get("key") != key:
            pass
        return frame

    def catch_up(self) -> None:
        """Read all that is due. It has come once, in the one order of each room, and nothing else has."""
        while len(self.heard) < len(self.due):
            self.read()
        assert sorted(self.heard, key=itemgetter(0)) == sorted(self.due, key=itemgetter(0))

    @property
    def is_here(self) -> bool:
        return self.frames is not None


class MembersMachine(RuleBasedStateMachine):
    """People who come from several places, and go, and a model of what the server remembers of them."""

    runs = itertools.count()

    def __init__(self, start: Callable[[], Server], servers: list[Server]) -> None:
        super().__init__()
        self._start, self._servers = start, servers
        self.run = f"{next(self.runs)}"
        self.members: dict[str, Member] = {}
        self.places: list[Place] = []
        self.said: dict[str, list[Message]] = {}
        """The messages of each room."""
        self.last_id = 0
        """The newest id that anybody was sent."""
        self.texts = itertools.count()
        self.sessions = itertools.count()

    @property
    def server(self) -> Server:
        return self._servers[-1]

    def name_of(self, who: str) -> str:
        """Each run has names and rooms of its own."""
        return f"{who}{self.run}"

    # Helpers

    def _text(self, prefix: str = "") -> str:
        return f"{prefix}text {self.run}-{next(self.texts)}"

    def _places_of(self, name: str) -> list[Place]:
        return [place for place in self.places if place.who == name]

    def _is_here(self, name: str) -> bool:
        return any(place.is_here for place in self._places_of(name))

    def _pick(self, number: int, *, is_here: bool = True, needs_name: bool = False) -> Place | None:
        found = [it for it in self.places if it.is_here is is_here and (it.who in self.members or not needs_name)]
        return found[number % len(found)] if found else None

    def _pick_of_several(self, choice: Choice) -> Place | None:
        """A place of a member; if there is one, of a member who has others here."""
        found = [place for place in self.places if place.is_here and place.who in self.members]
        here = Counter(place.who for place in found)
        found = [place for place in found if here[place.who] > 1] or found
        return found[choice.number % len(found)] if found else None

    def _note_id(self, frame: dict) -> int:
        self.last_id = max(self.last_id, frame["id"])
        return frame["id"]

    def _enter_rooms(self, name: str, rooms: set[str]) -> None:
        """Remember rooms: of one without a read mark, nothing that was said before is new."""
        if member := self.members.get(name):
            for room in rooms - member.rooms:
                member.rooms.add(room)
                member.marks.setdefault(room, self.last_id)

    def _unread(self, member: Member, room: str, mark: int) -> list[Message]:
        """Return the messages that a mark leaves unread in a room, or in the mailbox."""
        return [it for it in (member.mail if room == "@" else self.said.get(room, [])) if it.id > mark]

    def _check_memory(self, member: Member, told: dict) -> None:
        """Compare what the server remembers with the model. Marks at entering are known by what is above them."""
        assert (set(told["rooms"]), told["ignored"]) == (member.rooms, member.ignored)
        assert set(told["marks"]) == set(member.marks)
        for room, (mark, _) in told["marks"].items():
            assert self._unread(member, room, mark) == self._unread(member, room, member.marks[room])

    def _check_news(self, member: Member, news: dict) -> None:
        unread = {room: self._unread(member, room, member.marks[room]) for room in member.rooms}
        calls = {
            room: [len(new), sum(it.text.startswith(f"{member.name}: ") and it.sender != member.name for it in new)]
            for room, new in unread.items()
            if new
        }
        assert news["rooms"] == calls
        waiting = [it for it in self._unread(member, "@", member.marks.get("@", 0)) if it.sender != member.name]
        assert news.get("waiting", 0) == len(waiting)

    def _counted(self, who: str) -> str:
        """The sender for whom messages count: guests have one address."""
        return who if who in self.members else "guests"

    def _hang_up(self, place: Place) -> None:
        """Close a connection, and wait until the server knows."""
        assert place.frames
        place.frames.peer.close()
        self.server.console(rf"Client \[.*:{place.frames.peer.port}\] disconnected$")
        place.frames = None

    def _remove(self, place: Place) -> None:
        self.places.remove(place)

    # What people do

    @initialize()
    def begin(self) -> None:
        self.come_as_guest()
        for who in ("alice", "bob"):
            self.claim(who)
        self.go(Choice(1))  # alice

    @rule(what=st.sampled_from(ACTIONS), choice=CHOICES)
    def act(self, what: str, choice: Choice) -> None:
        """Let somebody do something. One rule, so that each run may do all of it."""
        getattr(self, what)(choice)

    def come_as_guest(self, _choice: Choice = FIRST) -> None:
        if sum(place.who not in self.members for place in self.places) > 1:
            return
        session = f"guest-{self.run}-{next(self.sessions):->9}"
        frames = Frames.enter(self.server, rooms=["lobby"], session=session)
        place = Place(frames, f"guest {session}", session, None)
        place.begin(frames.welcome)
        assert "member" not in frames.welcome
        self.places.append(place)

    def claim_name(self, choice: Choice) -> None:
        if len(self.members) < len(PEOPLE):
            self.claim(choice.who)

    def claim(self, who: str) -> None:
        """A guest claims a name; or, where it belongs to somebody, is refused."""
        name, key = self.name_of(who), Key()
        session = f"claim-{self.run}-{next(self.sessions):->9}"
        frames = Frames(self.server, **HELLO, nick=f"guest-{name}", rooms=["lobby"], session=session, key="h")
        place = Place(frames, name, session, key)
        place.begin(frames.until("welcome"))
        frames.send(type="register", proof=key.proof(challenge(frames), name=name, purpose="claim"), key="r")
        while (answer := place.read())["type"] not in ("named", "error"):
            pass
        if name in self.members:
            assert answer["code"] == "name-claimed"
            frames.send(type="bye")
            frames.peer.rest()
            return
        member = self.members[name] = Member(name, [key])
        assert (answer["label"], answer["member"]["rooms"]) == (name, [])
        self._check_memory(Member(name), answer["member"])
        while (news := place.read())["type"] != "news":
            pass
        self._check_news(member, news)
        self.places.append(place)
        self._enter_rooms(name, {"lobby"})

    def come(self, choice: Choice) -> None:
        """A member comes to another place, and is told what the server remembers and what is new."""
        member = self.members.get(self.name_of(choice.who))
        if member is None or len(self._places_of(member.name)) >= 4:
            return
        key, remembered = member.keys[choice.number % len(member.keys)], choice.other % 2 == 1
        session = f"place-{self.run}-{next(self.sessions):->9}"
        frames = Frames(self.server, type="challenge", key="c")
        proof = key.proof(frames.until("challenge", key="c"), name=member.name)
        welcome = say_hello(
            frames, nick=member.name, proof=proof, rooms=["lobby"], session=session, remembered=remembered
        )
        place = Place(frames, member.name, session, key)
        place.begin(welcome)
        assert not welcome["resumed"]
        assert place.rooms == {"lobby"} | (member.rooms if remembered else set())
        self._check_memory(member, welcome["member"])
        while (news := place.read())["type"] != "news":
            pass
        self._check_news(member, news)
        member.waiting.clear()
        self._enter_rooms(member.name, place.rooms)
        self.places.append(place)

    def go(self, choice: Choice) -> None:
        if place := self._pick(choice.number):
            place.catch_up()
            assert place.frames
            place.frames.send(type="bye")
            place.frames.peer.rest()
            self._hang_up(place)
            self._remove(place)

    def lose_connection(self, choice: Choice) -> None:
        if place := self._pick(choice.number):
            place.catch_up()
            self._hang_up(place)

    def resume(self, choice: Choice) -> None:
        """Somebody comes back to their session, and is sent what they missed, once."""
        if (place := self._pick(choice.number, is_here=False)) is None:
            return
        frames = Frames(self.server, type="challenge", key="c")
        given = frames.until("challenge", key="c")
        hello = {"rooms": sorted(place.rooms), "session": place.session, "epoch": place.epoch, "since": place.seen}
        member = self.members.get(place.who)
        if member:
            thief = say_hello(frames, nick=member.name, **hello)  # the secret alone is worth nothing
            assert thief["code"] == "proof"
            assert place.key
            hello |= {"nick": member.name, "proof": place.key.proof(given, name=member.name)}
        welcome = say_hello(frames, **hello)
        assert welcome["resumed"]
        place.frames, place.is_key_known = frames, True
        place.begin(welcome)
        if member:
            self._check_memory(member, welcome["member"])
            member.waiting.clear()
        before = place.news
        place.catch_up()
        assert place.ask(type="ping")["type"] == "pong"
        assert place.news == before  # it is sent all that it missed

    def say(self, choice: Choice) -> None:
        """Somebody says something, which may call a member, in a room that they enter for that."""
        if (place := self._pick(choice.number)) is None:
            return
        room, whom = ("lobby", f"dev{self.run}")[choice.other % 2], choice.who if choice.other % 3 else ""
        if room not in place.rooms:
            joined = place.ask(type="join", room=room)
            assert joined["type"] == "joined"
            place.rooms.add(room)
            place.seen.setdefault(room, joined["room"]["last_id"])
            self._enter_rooms(place.who, {room})
        text = self._text(f"{self.name_of(whom)}: " if whom else "")
        for other in self.places:
            if room in other.rooms:
                other.due.append((room, text))
        entry_id = self._note_id(place.ask(type="say", room=room, text=text))
        self.said.setdefault(room, []).append(Message(entry_id, text, place.who))

    def leave_room(self, choice: Choice) -> None:
        """Somebody leaves a room for good; the server forgets it once no place of theirs is there."""
        place = self._pick_of_several(choice) if choice.other % 3 else self._pick(choice.number)
        room = next(iter(sorted(place.rooms - {"lobby"})), "") if place else ""
        if not (place and room):
            return
        place.catch_up()
        assert place.ask(type="leave", room=room)["type"] == "done"
        place.rooms.discard(room)
        place.seen.pop(room)
        member = self.members.get(place.who)
        if member and not any(room in other.rooms for other in self._places_of(member.name)):
            member.rooms.discard(room)
            member.marks.pop(room, None)

    def tell(self, choice: Choice) -> None:
        """Somebody tells a member something: it waits, within bounds, where they are not here."""
        if (place := self._pick(choice.number)) is None:
            return
        for _ in range((1, 2, SHARE + 1)[choice.other % 3]):
            if not self._tell_once(place, self.name_of(choice.who)):
                break

    def _tell_once(self, place: Place, name: str) -> bool:
        """Send a private message. -> whether it was taken"""
        member, text = self.members.get(name), self._text()
        sender = self._counted(place.who)
        key = f"t-{text}"
        assert place.frames
        place.frames.send(type="tell", to=name, text=text, key=key)
        frames = [place.read()]
        is_away = member is not None and not self._is_here(name)
        is_full = is_away and member is not None and member.waiting[sender] >= SHARE
        wanted = 1 if member is None or place.who == name or is_full else 1 + is_away
        while sum(frame.get("key") == key for frame in frames) < wanted and frames[-1]["type"] != "error":
            frames.append(place.read())
        answers = {frame["type"]: frame for frame in frames if frame.get("key") == key}
        if member is None or place.who == name or is_full:
            code = "nobody" if member is None else "yourself" if place.who == name else "full"
            assert answers["error"]["code"] == code
            return False
        assert "error" not in answers
        assert ("waits" in answers) == is_away
        told = Message(self._note_id(answers["entry"]), text, place.who)
        for person in {name, place.who}:
            if known := self.members.get(person):
                known.mail.append(told)
            for other in self._places_of(person):
                other.due.append(("@", text))
        if is_away:
            member.waiting[sender] += 1
        return True

    def mark(self, choice: Choice) -> None:
        """A place tells how far it has read: the mark is shared, and never goes back."""
        if (place := self._pick_of_several(choice)) is None:
            return
        member = self.members[place.who]
        written = [room for room in ("@", *sorted(self.said)) if self._unread(member, room, 0)]
        if not written:
            return
        room = written[choice.other % len(written)]
        place.catch_up()
        messages = self._unread(member, room, 0)
        entry_id = messages[-1 - min(PEOPLE.index(choice.who), len(messages) - 1)].id
        others = [it for it in self._places_of(member.name) if it is not place and it.is_here]
        before, own = {id(it): len(it.marks) for it in others}, len(place.marks)
        assert place.frames
        place.frames.send(type="read", room=room, id=entry_id)
        assert place.ask(type="ping")["type"] == "pong"
        assert len(place.marks) == own
        if room != "@" and room not in place.rooms:
            return
        # A room's mark from entering it may be above: the model has a lower bound that is as good for what is unread.
        mark = member.marks.get(room, 0)
        if entry_id > mark and self._unread(member, room, mark) != self._unread(member, room, entry_id):
            member.marks[room] = entry_id
            for other in others:
                while len(other.marks) == before[id(other)]:
                    other.read()
                assert other.marks[-1] == (room, entry_id)

    def ignore(self, choice: Choice) -> None:
        if place := self._pick(choice.number):
            names = ["mallory", "eve", "trudy"][choice.other % 4 :]
            answer = place.ask(type="ignored", names=names)
            if member := self.members.get(place.who):
                member.ignored = names
                assert answer["type"] == "done"
            else:
                assert answer["code"] == "usage"

    def add_key(self, choice: Choice) -> None:
        if (place := self._pick(choice.number, needs_name=True)) and len(self.members[place.who].keys) < 3:
            key = Key()
            answer = place.ask(type="command", room="lobby", line=f"/key add ssh-ed25519 {key.blob}")
            assert answer["lines"][0].startswith("*** added SHA256:")
            self.members[place.who].keys.append(key)

    def remove_key(self, choice: Choice) -> None:
        """A member removes a key that did not prove this place: those that it may have proved end, with a reason."""
        found = [
            (place, key)
            for place in self.places
            if place.is_here and place.who in self.members
            for key in self.members[place.who].keys
            if key is not place.key
        ]
        proving = {it.key for it in self.places}
        found = [it for it in found if it[1] in proving] or found
        if not found:
            return
        place, key = found[choice.number % len(found)]
        member = self.members[place.who]
        answer = place.ask(type="command", room="lobby", line=f"/key remove {key.blob}")
        assert answer["lines"][0].startswith("*** removed SHA256:")
        member.keys.remove(key)
        for other in [it for it in self._places_of(member.name) if it.key is key or not it.is_key_known]:
            if other.frames:
                assert b'"unproven"' in other.frames.peer.rest()
                other.frames.peer.close()
            self._remove(other)

    def intrude(self, choice: Choice) -> None:
        """A guest asks for the name of a member, without a proof and with one of a wrong key: it gets nothing."""
        name = self.name_of(choice.who)
        place = self._pick(choice.number)
        if name not in self.members or place is None or place.who in self.members:
            return
        assert place.ask(type="nick", nick=name.upper())["code"] == "name-claimed"
        assert place.ask(type="history", room=f"@{name}")["type"] == "page"
        stranger = Frames(self.server, type="challenge", key="c")
        proof = Key().proof(stranger.until("challenge", key="c"), name=name)
        assert say_hello(stranger, nick=name, proof=proof)["code"] == "proof"
        stranger.peer.close()

    def look_into_the_mailbox(self, choice: Choice) -> None:
        """A member reads their mailbox from any place: all that was told by and to them, and nothing else."""
        if place := self._pick(choice.number, needs_name=True):
            page = place.ask(type="history", room="@", limit=1000)
            assert [it["text"] for it in page["entries"]] == [it.text for it in self.members[place.who].mail]

    def restart(self, choice: Choice) -> None:
        """The server is stopped and started again: whoever has a session is away, and what waits is counted anew."""
        if choice.number % 4:
            return
        for place in self.places:
            if place.frames:
                place.catch_up()
        assert self.server.stop() == 0
        self.server.close()
        for place in self.places:
            place.frames, place.is_key_known = None, False
        self._servers.append(self._start())
        for member in self.members.values():
            unread = self._unread(member, "@", member.marks.get("@", 0))
            member.waiting = Counter(self._counted(it.sender) for it in unread if it.sender != member.name)

    def teardown(self) -> None:
        """Everybody has been sent what is due, and goes: the address of the guests has a bound in all."""
        for place in self.places:
            if place.frames:
                place.catch_up()
                if place.who not in self.members:
                    place.frames.send(type="bye")
                    place.frames.peer.rest()
        for name in self.members:
            assert ask(self.server, "DELETE", f"/names/{name}")["name"]["name"] == name
        self.server.disconnect_all()


@pytest.mark.slow
def test_members_at_a_server_and_a_model_of_them_agree(start: Callable[..., Server]) -> None:
    start_patiently = partial(start, "--hold", "1h")  # nobody's session ends because the machine is slow
    servers = [start_patiently()]

    run_state_machine_as_test(
        lambda: MembersMachine(start_patiently, servers),
        settings=settings(max_examples=24, stateful_step_count=50, deadline=None),
    )
