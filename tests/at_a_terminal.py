"""The command line as the leader of the session at its terminal: the kernel sends it SIGHUP when that is gone."""

import fcntl
import termios

from trio_chat import cli


def main() -> None:
    """Take the terminal on stdin, and run the command line."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    cli.main()


if __name__ == "__main__":
    main()
