"""Names in frames: commands about them, and claims by a proof."""

from trio_chat.chat.answers import NameRequest
from trio_chat.chat.commands import COMMANDS
from trio_chat.chat.errors import ChatError
from trio_chat.server.sessions.challenges import proof_in
from trio_chat.server.sessions.frame_conversation import FrameConversation
from trio_chat.server.sessions.name_requests import carry_out, claim, enter, name_to_claim
from trio_chat.server.sessions.settling import departed
from trio_chat.wire import frames


async def run_name_request(talk: FrameConversation, asked: NameRequest, *, key: str) -> None:
    """Carry out a command about names, and answer it. A program is asked nothing: it sends all at once."""
    former = talk.client.account
    answer = await carry_out(talk.context, talk.client, talk.challenges.where, asked)
    if answer.asks:
        raise ChatError("usage", f"send the password on the same line: {COMMANDS[asked.what].title}")
    if talk.client.account != former:
        await departed(talk.context, talk.client)
        talk.answer(frames.Named(label=talk.client.label, account=talk.client.account))
    talk.answer(frames.CommandOutput(lines=list(answer.rows), key=key))


async def claim_name(talk: FrameConversation, request: frames.ClaimName) -> None:
    """Claim the nick of a client by a proof. The last proof that may be wrong ends the conversation."""
    client, challenges = talk.client, talk.challenges
    nick, name = client.nick, name_to_claim(client)
    try:
        proven = await claim(talk.context, challenges.where, name, proof_in(request.proof))
    except ChatError as error:
        if error.code == "proof":
            challenges.fail()
            talk.is_leaving |= challenges.are_used_up
        raise
    challenges.succeed()
    if client.nick != nick:
        raise ChatError("name-kept", f"[{name}] is yours now, but you have another nick")
    enter(talk.context, client, proven)
    await departed(talk.context, client)
    talk.answer(frames.Named(label=client.label, account=client.account, key=request.key))
