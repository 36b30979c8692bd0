"""`python -m trio_chat` is `trio-chat`."""

from trio_chat.cli import main

if __name__ == "__main__":
    main()
