"""HTTP/2 that breaks the rules, in plaintext and through TLS: the connection gets an error, an answer or an end, the
server lives, its memory stays bounded, and a check on another connection is answered after each case."""

import os
import select
import socket
import ssl
import sys
import time
import unittest

import certificates
import harness
from hostile_clients_test import RESIDENT_MAX_MIB, SANITIZER_FACTOR, has_sanitizer, resident_mib
from hostile_frames import CHECK, DATA, GREETING, HEADERS, PREFACE, call, connect, frame, settings, text_field
from malformed_frames import CASES, PING, mutations

SEED = int(os.environ.get("MALFORMED_SEED", time.time_ns() % 1_000_000))
MUTATIONS = 2000
# So many are open at once, less than one address may have.
AT_ONCE = 100
ANSWER_MAX_SECONDS = 120
READ_BYTES = 64 << 10
PROBE = b"a sign."


class Checker:
    """One connection that makes one check after the other."""

    def __init__(self, address):
        self.socket = connect(address, timeout=ANSWER_MAX_SECONDS)
        self.socket.sendall(PREFACE + settings())
        self.stream, self.waiting = -1, b""

    def check(self):
        """Whether the next check was answered by a message."""
        self.stream += 2
        self.socket.sendall(call(CHECK, self.stream, text_field(2, "jo@example.com")))
        answered = False
        while True:
            kind, flags, stream, payload = self.next_frame()
            if stream == self.stream:
                answered = answered or (kind == DATA and len(payload) >= 5)
                if flags & 1:
                    return answered and kind == HEADERS
            elif kind == PING and not flags & 1:
                self.socket.sendall(frame(PING, 1, 0, payload))

    def next_frame(self):
        head = self.take(9)
        payload = self.take(int.from_bytes(head[:3], "big"))
        return head[3], head[4], int.from_bytes(head[5:], "big"), payload

    def take(self, size):
        while len(self.waiting) < size:
            part = self.socket.recv(READ_BYTES)
            if not part:
                raise AssertionError("the connection of checks was ended")
            self.waiting += part
        taken, self.waiting = self.waiting[:size], self.waiting[size:]
        return taken

    def close(self):
        self.socket.close()


class Sender:
    """Sends one case and then a ping, and waits for what comes of it: an answer to the ping, or the end. Where the case
    leaves the server waiting for more, that is what there is: the client then ends it."""

    def __init__(self, address, sent):
        self.socket = connect(address, timeout=ANSWER_MAX_SECONDS)
        try:
            self.socket.sendall(sent + frame(PING, 0, 0, PROBE + b"\0"))
        except OSError:
            pass  # it was ended while it was sent
        self.socket.setblocking(False)
        self.received, self.ended = b"", False

    def done(self):
        """Takes what has come. Whether the server has said what becomes of it."""
        try:
            while not self.ended:
                part = self.socket.recv(READ_BYTES)
                self.received = (self.received + part)[-READ_BYTES:]
                self.ended = not part
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        except OSError:
            self.ended = True
        return self.ended or PROBE in self.received

    def finish(self, seconds):
        """Waits so long for it to be done; then the client says that nothing more comes, and the server must end it."""
        until = time.monotonic() + seconds
        while not self.done() and time.monotonic() < until:
            select.select([self.socket], [], [], max(0, until - time.monotonic()))
        if not self.done():
            socket.socket.shutdown(self.socket, socket.SHUT_WR)
            until = time.monotonic() + ANSWER_MAX_SECONDS
            while not self.ended and time.monotonic() < until:
                select.select([self.socket], [], [], 1)
                self.done()
        over = self.done()
        self.socket.close()
        return over


class MalformedHttp2Test(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = harness.TemporaryDirectory()
        cls.addClassCleanup(scratch.__exit__)
        made = certificates.make(scratch.__enter__())
        cls.servers = []
        for arguments in ((), certificates.server(made)):
            server = harness.Server(*arguments)
            server.__enter__()
            cls.addClassCleanup(server.__exit__, None, None, None)
            cls.servers.append(("tls:" if arguments else "", server))

    def setUp(self):
        self.checkers = [Checker(prefix + server.tcp) for prefix, server in self.servers]
        for checker in self.checkers:
            self.addCleanup(checker.close)
            self.assertTrue(checker.check())

    def tearDown(self):
        for prefix, server in self.servers:
            self.assertIsNone(server.process.poll(), "the server ended")
            factor = SANITIZER_FACTOR if has_sanitizer(server) else 1
            peak = resident_mib(server, "VmHWM:")
            print(f"{prefix or 'plaintext'}: at most {peak:.0f} MiB", file=sys.stderr)
            self.assertLessEqual(peak, RESIDENT_MAX_MIB * factor)

    def test_each_case_is_answered_or_ended_and_a_check_is_answered_after_it(self):
        for (prefix, server), checker in zip(self.servers, self.checkers):
            for name, sent in CASES:
                with self.subTest(name, tls=bool(prefix)):
                    self.assertTrue(Sender(prefix + server.tcp, sent).finish(0.1), "it hangs")
                    self.assertTrue(checker.check())

    def test_mutations_of_valid_traffic_are_answered_or_ended(self):
        print(f"MALFORMED_SEED={SEED}", file=sys.stderr)
        all_sent = mutations(SEED, MUTATIONS)
        for (prefix, server), checker in zip(self.servers, self.checkers):
            for first in range(0, MUTATIONS, AT_ONCE):
                senders = [Sender(prefix + server.tcp, sent) for sent in all_sent[first:first + AT_ONCE]]
                hanging = [first + i for i, sender in enumerate(senders) if not sender.finish(0)]
                self.assertEqual(hanging, [], f"of seed {SEED}")
                self.assertTrue(checker.check())

    def test_valid_traffic_is_answered(self):
        """What the cases are made of is right, so that each is wrong in what its name says only."""
        for prefix, server in self.servers:
            sender = Sender(prefix + server.tcp, GREETING + call(CHECK, 1, text_field(2, "jo@example.com")))
            self.assertTrue(sender.finish(ANSWER_MAX_SECONDS))
            self.assertFalse(sender.ended)


if __name__ == "__main__":
    harness.main()
