"""SIGTERM while a client reads slowly: what was answered arrives whole; the stop waits for the reader, not forever. The
same through TLS."""

import signal
import socket
import time
import unittest

import certificates
import harness
from hostile_frames import (ACK, DATA, END_STREAM, GREETING, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE, call,
                            frame, tls_context)

LIST = "/suppressd.v1.SuppressionService/ListSuppressions"
CHECK = '{"address": "jo@example.com"}'
ENTRIES = 1000
LISTINGS = 16
# All of them together are more than the system takes before the client reads.
ANSWERS_MIN_BYTES = 3 << 20
RECEIVE_BUFFER_BYTES = 16 << 10
READ_BYTES = 32 << 10
# Between two reads, so that a few megabytes take longer than a connection may stand still (2 s).
PAUSE_SECONDS = 0.03
DRAIN_TIMEOUT_SECONDS = 300


class SlowReader:
    """Asks for listings with all the room that HTTP/2 has, so that only the system's buffers hold the answers up."""

    def __init__(self, address, answers_pings, tls=False):
        host, port = address.rsplit(":", 1)
        self.answers_pings = answers_pings
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        self.socket.settimeout(120)
        self.socket.connect((host, int(port)))
        if tls:
            self.socket = tls_context().wrap_socket(self.socket)
        page = b"\x10" + bytes([ENTRIES & 0x7f | 0x80, ENTRIES >> 7])
        self.socket.sendall(GREETING + b"".join(call(LIST, stream, page) for stream in range(1, 2 * LISTINGS, 2)))
        self.waiting = b""
        self.messages = {}
        self.ended, self.taken_back, self.bytes = set(), set(), 0

    def read(self):
        """Reads a little and answers as a client does. False: the server has closed the connection."""
        part = self.socket.recv(READ_BYTES)
        if not part:
            return False
        self.bytes += len(part)
        self.waiting += part
        replies = frame(WINDOW_UPDATE, 0, 0, len(part).to_bytes(4, "big"))
        while len(self.waiting) >= 9:
            size = int.from_bytes(self.waiting[:3], "big")
            if len(self.waiting) < 9 + size:
                break
            kind, flags = self.waiting[3], self.waiting[4]
            replies += self.take(kind, flags, int.from_bytes(self.waiting[5:9], "big"), self.waiting[9:9 + size])
            self.waiting = self.waiting[9 + size:]
        try:
            self.socket.sendall(replies)
        except OSError:
            pass  # what came before can be read all the same
        return True

    def take(self, kind, flags, stream, payload):
        if kind == DATA:
            self.messages[stream] = self.messages.get(stream, b"") + payload
        if kind == RST_STREAM:
            self.taken_back.add(stream)
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            self.ended.add(stream)
        if kind == SETTINGS and not flags & ACK:
            return frame(SETTINGS, ACK, 0)
        if kind == PING and not flags & ACK and self.answers_pings:
            return frame(PING, ACK, 0, payload)
        return b""

    def missing(self):
        """Calls that were not ended, or with a part of an answer."""
        asked = set(range(1, 2 * LISTINGS, 2))
        return (asked - self.ended) | self.taken_back | {
            stream for stream, message in self.messages.items()
            if len(message) != 5 + int.from_bytes(message[1:5], "big")}

    def close(self):
        self.socket.close()


def fill(server):
    domain = ".".join(["d" * 60] * 3) + ".example.com"
    lines = "".join(f"u{i}{'x' * 50}@{domain}\t550\t5.1.1\t-\t-\tno such user\n" for i in range(ENTRIES))
    outcome = harness.suppressctl("--target", "unix:" + server.unix, "report", "--file", "-", stdin=lines)
    assert outcome.code == 0, outcome


class SlowReaderTest(unittest.TestCase):
    tls = ()

    def stop_while_it_reads(self, answers_pings):
        with harness.Server(*self.tls, "--drain_timeout_seconds", str(DRAIN_TIMEOUT_SECONDS)) as server:
            fill(server)
            reader = SlowReader(server.tcp, answers_pings, bool(self.tls))
            try:
                while not reader.messages:
                    reader.read()
                # Whoever came before this has been let in.
                outcome = harness.grpcurl("-insecure" if self.tls else "-plaintext", "-d", CHECK, server.tcp, harness.SERVICE + "/IsSuppressed")
                self.assertEqual(outcome.code, 0, outcome)
                server.process.send_signal(signal.SIGTERM)
                while reader.read():
                    time.sleep(PAUSE_SECONDS)
            except OSError as error:
                self.fail(f"{error} after {reader.bytes} bytes, {len(reader.ended)} of {LISTINGS} answers")
            finally:
                reader.close()
            self.assertEqual(reader.missing(), set(), f"after {reader.bytes} bytes")
            self.assertGreater(reader.bytes, ANSWERS_MIN_BYTES)
            self.assertEqual(server.process.wait(DRAIN_TIMEOUT_SECONDS / 5), 0)

    def test_answers_arrive_whole_at_a_client_that_answers_pings(self):
        self.stop_while_it_reads(answers_pings=True)

    def test_answers_arrive_whole_at_a_client_that_answers_no_pings(self):
        self.stop_while_it_reads(answers_pings=False)

    def test_a_client_that_stops_reading_holds_up_a_stop_for_seconds_only(self):
        with harness.Server(*self.tls, "--drain_timeout_seconds", str(DRAIN_TIMEOUT_SECONDS)) as server:
            fill(server)
            reader = SlowReader(server.tcp, answers_pings=True, tls=bool(self.tls))
            try:
                while not reader.messages:
                    reader.read()
                server.process.send_signal(signal.SIGTERM)
                self.assertEqual(server.process.wait(DRAIN_TIMEOUT_SECONDS / 5), 0)
            finally:
                reader.close()


class SlowTlsReaderTest(SlowReaderTest):
    @classmethod
    def setUpClass(cls):
        scratch = harness.TemporaryDirectory()
        cls.tls = certificates.server(certificates.make(scratch.__enter__()))
        cls.addClassCleanup(scratch.__exit__)


if __name__ == "__main__":
    harness.main()
