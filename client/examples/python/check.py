"""May this address be mailed? And when mail to it bounced: reports the reply, and asks again.

  check.py ADDRESS [SMTP_REPLY]

Asks $SUPPRESSION_TARGET, else the sidecar's socket. The exit code is 0 when mail may be sent, 1 when not, 2 on errors.
"""

import json
import os
import sys
import uuid

import grpc

from suppressd.v1 import bounce_pb2, suppression_pb2, suppression_service_pb2, suppression_service_pb2_grpc
from suppressd.v1.suppression_service_pb2 import IsSuppressedResponse

DEFAULT_TARGET = "unix:/run/suppressd/suppressd.sock"
DEADLINE_SECONDS = 2
# Only UNAVAILABLE is tried again: the sidecar restarts, or has no replica yet. A report has a request id, so it counts
# once however often it is tried.
SERVICE_CONFIG = {
    "methodConfig": [{
        "name": [{"service": "suppressd.v1.SuppressionService"}],
        "retryPolicy": {"maxAttempts": 5, "initialBackoff": "0.05s", "maxBackoff": "0.5s", "backoffMultiplier": 2,
                        "retryableStatusCodes": ["UNAVAILABLE"]},
    }]
}


def check(stub, address, at_least=""):
    """Whether the address may be mailed, and why not. With a token: answered from that state or a later one.

    Every answer but NOT_SUPPRESSED means: do not send, also one that this program does not know.
    """
    request = suppression_service_pb2.IsSuppressedRequest(address=address, at_least=at_least)
    response = stub.IsSuppressed(request, timeout=DEADLINE_SECONDS)
    if response.answer == IsSuppressedResponse.NOT_SUPPRESSED:
        return True, "send"
    if response.answer != IsSuppressedResponse.SUPPRESSED:
        known = IsSuppressedResponse.Answer.values()
        name = IsSuppressedResponse.Answer.Name(response.answer) if response.answer in known else response.answer
        return False, f"do not send: {name}"
    causes = [match.cause for match in response.matches]
    why = ", ".join(f"{suppression_pb2.Cause.Type.Name(cause.type)} {bounce_pb2.BounceReason.Name(cause.reason)}"
                    for cause in causes)
    return False, f"do not send: {why}"


def report(stub, address, reply):
    """Reports a bounce, prints what it was taken for, and returns the token of the state that includes it."""
    request = suppression_service_pb2.ReportBounceRequest(
        request_id=str(uuid.uuid4()), source="example", smtp_reply=bounce_pb2.SmtpReply(recipient=address, text=reply))
    answer = stub.ReportBounce(request, timeout=DEADLINE_SECONDS)
    outcome = answer.outcomes[0]
    print("report:", bounce_pb2.BounceReason.Name(outcome.verdict.reason), bounce_pb2.BounceEvent.Effect.Name(outcome.effect),
          suppression_service_pb2.ReportBounceResponse.Durability.Name(answer.durability))
    # AT_SIDECAR has no token: the server does not have the report yet, but this sidecar blocks the address already.
    return answer.revision_token


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    address, reply = sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else None
    target = os.environ.get("SUPPRESSION_TARGET") or DEFAULT_TARGET
    options = [("grpc.service_config", json.dumps(SERVICE_CONFIG)), ("grpc.enable_retries", 1),
               # gRPC would wait up to 2 minutes before it looks for a sidecar again that was restarted.
               ("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 200)]
    with grpc.insecure_channel(target, options=options) as channel:
        stub = suppression_service_pb2_grpc.SuppressionServiceStub(channel)
        try:
            may_send, answer = check(stub, address)
            print("before:", answer)
            if reply is not None:
                may_send, answer = check(stub, address, at_least=report(stub, address, reply))
                print("after:", answer)
        except grpc.RpcError as error:
            print(f"{error.code().name}: {error.details()}", file=sys.stderr)
            sys.exit(2)
    sys.exit(0 if may_send else 1)


if __name__ == "__main__":
    main()
