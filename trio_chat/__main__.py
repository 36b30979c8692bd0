"""`trio-chat`, which is `python -m trio_chat` too: Ctrl-C ends it without a word also while its code is loaded."""

import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored, as in a background job
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from trio_chat import cli  # it takes 0.2 s, and more on a busy machine


def main() -> None:
    """Run the command line and exit."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    cli.main()


if __name__ == "__main__":
    main()
