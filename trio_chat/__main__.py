"""`python -m trio_chat` is `trio-chat`."""

from trio_chat.cli import main

main(prog_name="trio-chat")
