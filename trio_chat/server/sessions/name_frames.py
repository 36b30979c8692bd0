"""Names in frames: commands about them, and claims by a proof."""

from trio_chat.chat.answers import NameRequest
from trio_chat.chat.commands import COMMANDS
from trio_chat.chat.errors import ChatError
from trio_chat.server.sessions.arrivals import Arrival
from trio_chat.server.sessions.challenges import proof_in
from trio_chat.server.sessions.frame_conversation import FrameConversation
from trio_chat.server.sessions.name_requests import carry_out, claim, enter_proven, name_to_claim
from trio_chat.server.sessions.settling import departed
from trio_chat.server.sessions.welcome import member_of, tell_news
from trio_chat.wire import frames


async def run_name_request(talk: FrameConversation, asked: NameRequest, *, key: str) -> None:
    """Carry out a command about names, and answer it. A program is asked nothing: it sends all at once."""
    answer = await carry_out(talk.context, talk.client, talk.challenges.connection, asked)
    if answer.question:
        raise ChatError("usage", _how_to_send(asked))
    if answer.arrival:
        await _tell_name(talk, answer.arrival)
    talk.answer(frames.CommandOutput(lines=list(answer.rows), key=key))
    if answer.arrival:
        await tell_news(talk.context, talk.client, talk.outlet, answer.arrival)


def _how_to_send(asked: NameRequest) -> str:
    """Tell a program, which is asked nothing, how to send what is missing."""
    if asked.what == "invite":
        return "an invite is taken by `hello`, which has its code, a nick and a proof"
    return f"send the password on the same line: {COMMANDS[asked.what].title}"


async def claim_name(talk: FrameConversation, request: frames.ClaimName) -> None:
    """Claim the nick of a client by a proof. The last proof that may be wrong ends the conversation."""
    client, challenges = talk.client, talk.challenges
    nick, name = client.nick, name_to_claim(client)
    try:
        proven = await claim(talk.context, challenges.connection, name, proof_in(request.proof), by=client)
    except ChatError as error:
        if error.code == "proof":
            challenges.fail()
            talk.is_leaving |= challenges.are_used_up
        raise
    challenges.succeed()
    if client.nick != nick:
        raise ChatError("name-kept", f"[{name}] is yours now, but you have another nick")
    arrival = enter_proven(talk.context, client, proven)
    await _tell_name(talk, arrival, key=request.key)
    await tell_news(talk.context, client, talk.outlet, arrival)


async def _tell_name(talk: FrameConversation, arrival: Arrival, *, key: str = "") -> None:
    """Tell a client that its name is proven, once that is durable, and what the server remembers of it."""
    await departed(talk.context, talk.client)
    label, account, memory = talk.client.label, talk.client.account, arrival.memory
    member = member_of(memory) if memory else None
    talk.answer(frames.Named(label=label, account=account, last_id=arrival.last_id, member=member, key=key))
