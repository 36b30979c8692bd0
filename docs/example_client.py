"""A client that prints what is said in the lobby, says what is typed, and loses nothing when its connection breaks.

python3 example_client.py HOST PORT NICK
"""

import json
import random
import secrets
import select
import socket
import sys
import time

typed, unsent = sys.stdin.buffer.raw, {}
hello = {"type": "hello", "protocol": 1, "nick": sys.argv[3], "session": secrets.token_hex(16), "since": {}}


def _hear(frame):
    if frame.get("code") in ("not-kept", "journal") and frame.get("key") in unsent:
        raise ConnectionError  # the next connection begins with what is unsaid, in its order
    unsent.pop(frame.get("key"), None)
    match frame:
        case {"type": "welcome", "epoch": epoch, "rooms": rooms}:
            seen = {"@": frame.get("last_id", 0)} | (hello["since"] if epoch == hello.get("epoch") else {})
            hello.update(epoch=epoch, since={room["name"]: room["last_id"] for room in rooms} | seen)
        case {"type": "entry", "room": room, "id": number} if "again" not in frame:
            hello["since"][room] = number
            print(f"[{frame['author']}] {frame['kind']} {frame.get('text', '')}", flush=True)
        case {"type": "bye", "text": text} if "retry_s" not in frame:
            sys.exit(text)
        case {"type": "error" | "gap"}:
            print(f"*** {frame}", flush=True)
    return [frame | {"type": "pong"}] if frame["type"] == "ping" else []


while True:
    try:
        with socket.create_connection(sys.argv[1:3]) as sock, sock.makefile("rb", buffering=0) as heard:
            unsaid, inputs = [hello, *unsent.values()], {sock: heard, typed: typed}
            while unsaid or unsent or typed in inputs:
                sock.sendall(b"".join(json.dumps(frame).encode() + b"\n" for frame in unsaid))
                unsaid.clear()
                for source in select.select(inputs, [], [])[0]:
                    line = inputs[source].readline().decode(errors="replace")
                    if source is sock:
                        unsaid += _hear(json.loads(line))
                    elif line:
                        say = {"type": "say", "room": "lobby", "text": line.rstrip(), "key": secrets.token_hex(16)}
                        unsaid.append(unsent.setdefault(say["key"], say))
                    else:
                        del inputs[typed]
            sys.exit(sock.sendall(b'{"type":"bye"}\n'))
    except (OSError, ValueError):  # no connection, or it broke: a half frame is invalid JSON
        time.sleep(random.uniform(0.1, 1))
