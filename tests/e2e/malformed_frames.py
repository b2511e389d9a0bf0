"""HTTP/2 that breaks the rules of RFC 9113 and RFC 7541, each case a name and the bytes behind a client's greeting."""

import random
import struct

from hostile_frames import (ACK, CHECK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, GREETING, HEADERS, PING,
                            PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE, call, frame, literal, message,
                            request_headers, settings, text_field)

PRIORITY, PUSH_PROMISE, ALTSVC = 2, 5, 10
PADDED, HAS_PRIORITY = 8, 0x20
RESERVED = 1 << 31
HIGHEST_STREAM = RESERVED - 1
HEADER_BLOCK = request_headers(CHECK)
REQUEST = message(text_field(2, "jo@example.com"))
OPEN = frame(HEADERS, END_HEADERS, 1, HEADER_BLOCK)
WHOLE = call(CHECK, 1, text_field(2, "jo@example.com"))


def number(value):
    return struct.pack(">I", value)


def announced(size, kind, flags, stream, payload=b""):
    """A frame whose length is not that of its payload."""
    return struct.pack(">I", size)[1:] + frame(kind, flags, stream, payload)[3:]


def headers(block, flags=END_HEADERS | END_STREAM, stream=1):
    return frame(HEADERS, flags, stream, block)


def integer(prefix_bits, first, value):
    """An integer of RFC 7541, section 5.1, behind the bits of `first`."""
    most = (1 << prefix_bits) - 1
    if value < most:
        return bytes([first | value])
    out, value = [first | most], value - most
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


# Before any frame: RFC 9113, section 3.4.
PREFACES = [
    ("preface of HTTP/1.1", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("preface with another version", PREFACE.replace(b"2.0", b"3.0") + settings()),
    ("preface in lower case", PREFACE.lower() + settings()),
    ("half a preface and a frame", PREFACE[:12] + settings()),
    ("preface twice", PREFACE + PREFACE),
    ("no settings first", PREFACE + WHOLE),
    ("an acknowledgement first", PREFACE + frame(SETTINGS, ACK, 0) + WHOLE),
    ("a ping first", PREFACE + frame(PING, 0, 0, bytes(8))),
    ("bytes of zero", bytes(5000)),
]

# Section 4: lengths, streams and flags that no frame may have.
FRAMES = [
    ("data of 16 MiB announced", OPEN + announced((1 << 24) - 1, DATA, 0, 1, bytes(100))),
    ("data of more than the greatest frame", OPEN + frame(DATA, 0, 1, bytes((16 << 10) + 1))),
    ("headers of more than the greatest frame", headers(HEADER_BLOCK + b"\x83" * (1 << 15))),
    ("headers of 16 MiB announced", announced((1 << 24) - 1, HEADERS, END_HEADERS, 1, HEADER_BLOCK)),
    ("settings of 16 MiB announced", announced((1 << 24) - 1, SETTINGS, 0, 0, bytes(60))),
    ("unknown type of 16 MiB announced", announced((1 << 24) - 1, 0x99, 0xff, 1, bytes(100))),
    ("unknown type between headers and their continuation",
     frame(HEADERS, 0, 1, HEADER_BLOCK[:5]) + frame(0x99, 0, 1, b"x") +
     frame(CONTINUATION, END_HEADERS, 1, HEADER_BLOCK[5:])),
    ("unknown types, all of them", b"".join(frame(kind, 0xff, kind, b"x" * kind) for kind in range(10, 256))),
    ("reserved bit of a stream", frame(HEADERS, END_HEADERS | END_STREAM, 1 | RESERVED, HEADER_BLOCK)),
    ("reserved bit of stream 0", frame(SETTINGS, 0, RESERVED) + frame(PING, 0, RESERVED, bytes(8))),
    ("every flag on headers", frame(HEADERS, 0xff, 1, HEADER_BLOCK)),
    ("every flag on data", OPEN + frame(DATA, 0xff, 1, REQUEST)),
    ("half a frame's header, then nothing", b"\0\0\x08\x06"),
]

# Sections 5.1 and 6.1 to 6.4: streams in states that do not allow it.
STREAMS = [
    ("data on stream 0", frame(DATA, 0, 0, REQUEST)),
    ("data on a stream that was never opened", frame(DATA, END_STREAM, 1, REQUEST)),
    ("data on an even stream", frame(DATA, END_STREAM, 2, REQUEST)),
    ("data behind the end of a stream", WHOLE + frame(DATA, END_STREAM, 1, REQUEST) * 20),
    ("data on a stream that was reset", OPEN + frame(RST_STREAM, 0, 1, number(8)) + frame(DATA, 0, 1, REQUEST) * 20),
    ("data on a stream below the newest", call(CHECK, 9, b"") + frame(DATA, END_STREAM, 3, REQUEST)),
    ("headers on stream 0", headers(HEADER_BLOCK, stream=0)),
    ("headers on an even stream", headers(HEADER_BLOCK, stream=2)),
    ("headers on a lower stream", headers(HEADER_BLOCK, stream=9) + headers(HEADER_BLOCK, stream=3)),
    ("headers on the same stream thrice", OPEN + OPEN + OPEN),
    ("headers behind the end of a stream", WHOLE + headers(HEADER_BLOCK)),
    ("headers on the highest stream, and one more", headers(HEADER_BLOCK, stream=HIGHEST_STREAM) * 2),
    ("trailers without the end of the stream", OPEN + headers(literal(b"x", b"y"), END_HEADERS)),
    ("trailers with pseudo-headers", OPEN + headers(HEADER_BLOCK)),
    ("reset of stream 0", frame(RST_STREAM, 0, 0, number(8))),
    ("reset of a stream that was never opened", frame(RST_STREAM, 0, 7, number(8))),
    ("reset of three bytes", OPEN + frame(RST_STREAM, 0, 1, bytes(3))),
    ("reset of five bytes", OPEN + frame(RST_STREAM, 0, 1, bytes(5))),
    ("reset with an unknown error", OPEN + frame(RST_STREAM, 0, 1, number(0xffffffff))),
    ("priority of four bytes", frame(PRIORITY, 0, 1, bytes(4))),
    ("priority on stream 0", frame(PRIORITY, 0, 0, bytes(5))),
    ("priority of a stream that depends on itself", frame(PRIORITY, 0, 1, number(1) + b"\x10")),
    ("headers that depend on themselves", headers(number(1) + b"\x10" + HEADER_BLOCK, END_HEADERS | HAS_PRIORITY)),
    ("headers too short for their priority", headers(b"\x83", END_HEADERS | HAS_PRIORITY)),
    ("a push promise of a client", frame(PUSH_PROMISE, END_HEADERS, 1, number(2) + HEADER_BLOCK)),
    ("headers without anything", headers(b"")),
]

# Sections 6.1, 6.2 and 6.10: padding, and header blocks in parts.
PARTS = [
    ("padding longer than the data", OPEN + frame(DATA, PADDED, 1, b"\xff" + REQUEST)),
    ("padding as long as the data", OPEN + frame(DATA, PADDED, 1, bytes([10]) + bytes(9))),
    ("padded data without the length of the padding", OPEN + frame(DATA, PADDED, 1)),
    ("padding longer than the headers", headers(b"\xff" + HEADER_BLOCK, END_HEADERS | PADDED)),
    ("padded headers without the length of the padding", headers(b"", END_HEADERS | PADDED)),
    ("padding and priority longer than the headers", headers(bytes(6), END_HEADERS | PADDED | HAS_PRIORITY)),
    ("a continuation of nothing", frame(CONTINUATION, END_HEADERS, 1, HEADER_BLOCK)),
    ("a continuation on stream 0", frame(CONTINUATION, END_HEADERS, 0, HEADER_BLOCK)),
    ("a continuation behind the end of the headers", OPEN + frame(CONTINUATION, END_HEADERS, 1, HEADER_BLOCK)),
    ("a continuation of another stream",
     frame(HEADERS, 0, 1, HEADER_BLOCK) + frame(CONTINUATION, END_HEADERS, 3, b"")),
    ("data between headers and their continuation",
     frame(HEADERS, 0, 1, HEADER_BLOCK) + frame(DATA, 0, 1, REQUEST) + frame(CONTINUATION, END_HEADERS, 1)),
    ("a ping between headers and their continuation",
     frame(HEADERS, 0, 1, HEADER_BLOCK) + frame(PING, 0, 0, bytes(8)) + frame(CONTINUATION, END_HEADERS, 1)),
    ("headers between headers and their continuation",
     frame(HEADERS, 0, 1, HEADER_BLOCK) + headers(HEADER_BLOCK, stream=3)),
    ("headers that are never continued", frame(HEADERS, END_STREAM, 1, HEADER_BLOCK)),
    ("headers in parts of one byte", frame(HEADERS, END_STREAM, 1) + b"".join(
        frame(CONTINUATION, END_HEADERS if i + 1 == len(HEADER_BLOCK) else 0, 1, HEADER_BLOCK[i:i + 1])
        for i in range(len(HEADER_BLOCK)))),
]

# Sections 6.5 to 6.9.
CONNECTION = [
    ("settings of five bytes", frame(SETTINGS, 0, 0, bytes(5))),
    ("settings on a stream", frame(SETTINGS, 0, 1)),
    ("an acknowledgement of settings with a payload", frame(SETTINGS, ACK, 0, bytes(6))),
    ("acknowledgements of settings nobody sent", frame(SETTINGS, ACK, 0) * 50),
    ("settings with a window that is too large", settings((4, RESERVED))),
    ("settings with a frame that is too small", settings((5, 1))),
    ("settings with a frame that is too large", settings((5, 0xffffffff))),
    ("settings that push with 2", settings((2, 2))),
    ("settings with the largest table", settings((1, 0xffffffff)) + WHOLE),
    ("settings with no table and no window", settings((1, 0), (3, 0), (4, 0), (6, 0)) + WHOLE),
    ("settings of every number", settings(*((key, 0xffffffff) for key in range(8, 2000)))),
    ("settings that move the windows of open streams beyond what there may be",
     OPEN + frame(WINDOW_UPDATE, 0, 1, number(HIGHEST_STREAM - 70_000)) + settings((4, HIGHEST_STREAM), (4, 0)) * 5),
    ("a ping of seven bytes", frame(PING, 0, 0, bytes(7))),
    ("a ping of nine bytes", frame(PING, 0, 0, bytes(9))),
    ("a ping on a stream", frame(PING, 0, 1, bytes(8))),
    ("answers to pings nobody sent", frame(PING, ACK, 0, b"\xff" * 8) * 20),
    ("goaway of seven bytes", frame(GOAWAY, 0, 0, bytes(7))),
    ("goaway on a stream", frame(GOAWAY, 0, 1, bytes(8))),
    ("goaway that names the highest stream, and a call",
     frame(GOAWAY, 0, 0, number(HIGHEST_STREAM) + number(0)) + WHOLE),
    ("goaway with 16 KiB of reasons, thrice", frame(GOAWAY, 0, 0, bytes(8) + b"x" * 16_000) * 3),
    ("a window update of zero on the connection", frame(WINDOW_UPDATE, 0, 0, number(0))),
    ("a window update of zero on a stream", OPEN + frame(WINDOW_UPDATE, 0, 1, number(0))),
    ("a window update of three bytes", frame(WINDOW_UPDATE, 0, 0, bytes(3))),
    ("a window update of five bytes", frame(WINDOW_UPDATE, 0, 0, bytes(5))),
    ("window updates beyond 2^31 on the connection", frame(WINDOW_UPDATE, 0, 0, number(HIGHEST_STREAM)) * 3),
    ("window updates beyond 2^31 on a stream", OPEN + frame(WINDOW_UPDATE, 0, 1, number(HIGHEST_STREAM)) * 3),
    ("a window update of a stream that was never opened", frame(WINDOW_UPDATE, 0, 99, number(1))),
    ("data beyond the window of the stream", OPEN + frame(DATA, 0, 1, bytes(16_000)) * 300),
    ("an alternative service", frame(ALTSVC, 0, 0, b"\0\1x")),
]

# RFC 7541, and section 8 for what a request must have.
HPACK = [
    ("index 0", headers(b"\x80")),
    ("index beyond the table", headers(b"\xfe")),
    ("index of four bytes beyond the table", headers(integer(7, 0x80, 1 << 24))),
    ("an integer without end", headers(b"\xff" + b"\x80" * 100)),
    ("an integer of 2^64 and more", headers(b"\xff" + b"\xff" * 12 + b"\x01")),
    ("an integer that is cut off", headers(b"\xff\x80\x80")),
    ("a string longer than the block", headers(b"\0\x01x\x7f\xff\xff\xff\x07y")),
    ("a name of 2 GiB announced", headers(b"\0" + integer(7, 0, 1 << 31) + b"x")),
    ("a string of Huffman code that is cut off", headers(b"\0\x01x\x85\x1f")),
    ("Huffman code with the end of string in it", headers(b"\0\x01x\x84\xff\xff\xff\xff")),
    ("Huffman code with padding of zeros", headers(b"\0\x01x\x81\x00")),
    ("Huffman code with padding of eight bits", headers(b"\0\x01x\x82\x1f\xff")),
    ("a table of 4 GiB", headers(integer(5, 0x20, 0xffffffff) + HEADER_BLOCK)),
    ("a table of more than settings allow", headers(integer(5, 0x20, 4097) + HEADER_BLOCK)),
    ("a table's size three times", headers(b"\x20\x3f\xe1\x1f\x20" + HEADER_BLOCK)),
    ("a table's size behind a header", headers(HEADER_BLOCK + b"\x20")),
    ("ten thousand sizes of a table", headers(b"\x20" * 10_000 + HEADER_BLOCK)),
    ("a header larger than the table",
     headers(b"\x40\x01x" + integer(7, 0, 8000) + b"v" * 8000 + b"\xbe" + HEADER_BLOCK)),
    ("a header of the table, ten thousand times",
     headers(b"\x40\x01x\x64" + b"v" * 100 + b"\xbe" * 10_000 + HEADER_BLOCK)),
    ("no pseudo-headers", headers(literal(b"te", b"trailers"))),
    ("the method twice", headers(b"\x83" + HEADER_BLOCK)),
    ("pseudo-headers behind others", headers(literal(b"x", b"y") + HEADER_BLOCK)),
    ("an unknown pseudo-header", headers(HEADER_BLOCK + literal(b":x", b"y"))),
    ("a status in a request", headers(b"\x88" + HEADER_BLOCK)),
    ("a name in capitals", headers(HEADER_BLOCK + literal(b"ABC", b"y"))),
    ("an empty name", headers(HEADER_BLOCK + literal(b"", b"y"))),
    ("names and values of control characters",
     headers(HEADER_BLOCK + b"".join(literal(bytes([c]) + b"x", bytes([c]) * 3) for c in range(32)))),
    ("names and values of high bytes", headers(HEADER_BLOCK + literal(b"\xff\xfe", b"\x80\0\xff"))),
    ("an empty path", headers(b"\x83\x86\x04\x00" + literal(b"content-type", b"application/grpc"))),
    ("a path of 8 KiB", headers(b"\x83\x86\x04" + integer(7, 0, 8000) + b"/" * 8000)),
    ("a deadline that is no number", headers(HEADER_BLOCK + literal(b"grpc-timeout", b"99999999999999999999S"))),
    ("an encoding that nobody knows",
     headers(HEADER_BLOCK + literal(b"grpc-encoding", b"zzz"), END_HEADERS) +
     frame(DATA, END_STREAM, 1, b"\x01" + number(3) + b"zzz")),
    ("binary metadata that is no base64", headers(HEADER_BLOCK + literal(b"x-bin", b"!!!!"))),
    ("metadata of deadlines, a thousand times", headers(HEADER_BLOCK + literal(b"grpc-timeout", b"1n") * 500)),
    ("a message of 4 GiB announced", OPEN + frame(DATA, END_STREAM, 1, b"\0\xff\xff\xff\xffx")),
    ("a message that is marked in no known way", OPEN + frame(DATA, END_STREAM, 1, b"\x7f" + number(1) + b"x")),
    ("a message that is cut off", OPEN + frame(DATA, END_STREAM, 1, REQUEST[:-3])),
    ("a message of nonsense", OPEN + frame(DATA, END_STREAM, 1, message(b"\xff" * 100))),
]

CASES = ([(name, sent) for name, sent in PREFACES] +
         [(name, GREETING + sent) for name, sent in FRAMES + STREAMS + PARTS + CONNECTION + HPACK])


def mutated(generator):
    """Valid traffic in which something was changed: bits, frames left out, twice, cut, or in another order."""
    frames = [settings((4, 65_535)), frame(WINDOW_UPDATE, 0, 0, number(1000)), frame(PING, 0, 0, bytes(8)),
              frame(HEADERS, 0, 1, HEADER_BLOCK[:20]), frame(CONTINUATION, END_HEADERS, 1, HEADER_BLOCK[20:]),
              frame(DATA, END_STREAM, 1, REQUEST), call(CHECK, 3, text_field(2, "jo@example.com")),
              frame(HEADERS, END_HEADERS, 5, HEADER_BLOCK), frame(RST_STREAM, 0, 5, number(8))]
    for _ in range(generator.randint(0, 2)):
        i, j = generator.randrange(len(frames)), generator.randrange(len(frames))
        change = generator.randrange(4)
        if change == 0:
            frames[i], frames[j] = frames[j], frames[i]
        elif change == 1:
            frames[i] = b""
        elif change == 2:
            frames[i] = frames[i] * 2
        else:
            frames[i] = frames[i][:generator.randrange(len(frames[i]) + 1)]
    sent = bytearray(b"".join(frames))
    for _ in range(generator.choice((0, 1, 1, 2, 8))):
        sent[generator.randrange(len(sent))] = generator.choice((0, 1, 0x7f, 0x80, 0xff, generator.randrange(256)))
    return GREETING + bytes(sent)


def mutations(seed, count):
    generator = random.Random(seed)
    return [mutated(generator) for _ in range(count)]
