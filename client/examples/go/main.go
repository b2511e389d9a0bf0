// May this address be mailed? And when mail to it bounced: reports the reply, and asks again.
//
//	check ADDRESS [SMTP_REPLY]
//
// Asks $SUPPRESSION_TARGET, else the sidecar's socket. The exit code is 0 when mail may be sent, 1 when not, 2 on errors.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"

	pb "suppressd.example/check/suppressdv1"
)

const (
	defaultTarget = "unix:/run/suppressd/suppressd.sock"
	deadline      = 2 * time.Second
	// Only UNAVAILABLE is tried again: the sidecar restarts, or has no replica yet. A report has a request id, so it
	// counts once however often it is tried.
	serviceConfig = `{"methodConfig": [{
		"name": [{"service": "suppressd.v1.SuppressionService"}],
		"retryPolicy": {"maxAttempts": 5, "initialBackoff": "0.05s", "maxBackoff": "0.5s", "backoffMultiplier": 2,
			"retryableStatusCodes": ["UNAVAILABLE"]}}]}`
)

// dial connects at the first call.
func dial(target string) (*grpc.ClientConn, error) {
	// gRPC would wait up to 2 minutes before it looks for a sidecar again that was restarted.
	again := backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 200 * time.Millisecond}
	return grpc.Dial(target,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: again, MinConnectTimeout: deadline}))
}

// check says whether the address may be mailed, and why not. Every answer but NOT_SUPPRESSED means: do not send, also one
// that this program does not know. With a token: answered from that state or a later one.
func check(client pb.SuppressionServiceClient, address, atLeast string) (bool, string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	reply, err := client.IsSuppressed(ctx, &pb.IsSuppressedRequest{Address: address, AtLeast: atLeast})
	if err != nil {
		return false, "", err
	}
	switch reply.Answer {
	case pb.IsSuppressedResponse_NOT_SUPPRESSED:
		return true, "send", nil
	case pb.IsSuppressedResponse_SUPPRESSED:
		var causes []string
		for _, match := range reply.Matches {
			causes = append(causes, match.Cause.Type.String()+" "+match.Cause.Reason.String())
		}
		return false, "do not send: " + strings.Join(causes, ", "), nil
	default:
		return false, "do not send: " + reply.Answer.String(), nil
	}
}

// report reports a bounce, prints what it was taken for, and returns the token of the state that includes it.
func report(client pb.SuppressionServiceClient, address, reply string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	answer, err := client.ReportBounce(ctx, &pb.ReportBounceRequest{
		RequestId: newUUID(),
		Source:    "example",
		Report: &pb.ReportBounceRequest_SmtpReply{SmtpReply: &pb.SmtpReply{
			Recipient: address,
			Reply:     &pb.SmtpReply_Text{Text: reply},
		}},
	})
	if err != nil {
		return "", err
	}
	outcome := answer.Outcomes[0]
	fmt.Println("report:", outcome.Verdict.Reason, outcome.Effect, answer.Durability)
	// AT_SIDECAR has no token: the server does not have the report yet, but this sidecar blocks the address already.
	return answer.RevisionToken, nil
}

// newUUID makes a random UUID, version 4.
func newUUID() string {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func run(arguments []string) (maySend bool, err error) {
	target := os.Getenv("SUPPRESSION_TARGET")
	if target == "" {
		target = defaultTarget
	}
	connection, err := dial(target)
	if err != nil {
		return false, err
	}
	defer connection.Close()
	client := pb.NewSuppressionServiceClient(connection)
	maySend, answer, err := check(client, arguments[0], "")
	if err != nil {
		return false, err
	}
	fmt.Println("before:", answer)
	if len(arguments) == 1 {
		return maySend, nil
	}
	token, err := report(client, arguments[0], arguments[1])
	if err != nil {
		return false, err
	}
	maySend, answer, err = check(client, arguments[0], token)
	if err != nil {
		return false, err
	}
	fmt.Println("after:", answer)
	return maySend, nil
}

func main() {
	if len(os.Args) != 2 && len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: check ADDRESS [SMTP_REPLY]")
		os.Exit(2)
	}
	maySend, err := run(os.Args[1:])
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	case !maySend:
		os.Exit(1)
	}
}
