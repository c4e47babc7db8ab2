// Asks a coordinator one question and prints who wrote each segment of the answer.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	specfusev1 "specfuse.example/ask/gen/specfuse/v1"
)

type options struct {
	question    string
	endpoint    string
	apiKey      string
	tlsCA       string
	deadline    time.Duration
	segments    int
	temperature float64
}

func parse() options {
	var o options
	endpoint := cmp.Or(os.Getenv("SPECFUSE_ENDPOINT"), "localhost:7070")
	flag.StringVar(&o.endpoint, "endpoint", endpoint, "HOST:PORT")
	flag.StringVar(&o.apiKey, "api-key", os.Getenv("SPECFUSE_API_KEY"), "shown to the coordinator")
	flag.StringVar(&o.tlsCA, "tls-ca", os.Getenv("SPECFUSE_TLS_CA"), "PEM file: speak TLS, and trust these")
	flag.DurationVar(&o.deadline, "deadline", time.Minute, "for the whole answer")
	flag.IntVar(&o.segments, "segments", 0, "cancel after so many")
	flag.Float64Var(&o.temperature, "temperature", 0, "of the drafts")
	flag.Parse()
	o.question = flag.Arg(0)
	return o
}

func main() {
	if err := ask(parse()); err != nil {
		explain(err)
		os.Exit(1)
	}
}

func connect(o options) (*grpc.ClientConn, error) {
	transport := insecure.NewCredentials()
	if o.tlsCA != "" {
		var err error
		if transport, err = credentials.NewClientTLSFromFile(o.tlsCA, ""); err != nil {
			return nil, err
		}
	}
	return grpc.NewClient(o.endpoint, grpc.WithTransportCredentials(transport))
}

func ask(o options) error {
	connection, err := connect(o)
	if err != nil {
		return err
	}
	defer connection.Close()
	// Once this is cancelled, every worker stops computing for the answer.
	ctx, cancel := context.WithTimeout(context.Background(), o.deadline)
	defer cancel()
	if o.apiKey != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+o.apiKey)
	}
	messages := []*specfusev1.Message{{Role: "user", Content: o.question}}
	answer, err := specfusev1.NewEnsembleServiceClient(connection).Generate(ctx, &specfusev1.GenerateRequest{
		Prompt:   &specfusev1.GenerateRequest_Conversation{Conversation: &specfusev1.Conversation{Messages: messages}},
		Sampling: &specfusev1.Sampling{Temperature: float32(o.temperature)},
	})
	if err != nil {
		return err
	}
	return show(answer, o.segments)
}

func show(answer grpc.ServerStreamingClient[specfusev1.GenerateResponse], most int) error {
	for segments := 0; ; {
		response, err := answer.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch event := response.Event.(type) {
		case *specfusev1.GenerateResponse_Segment:
			segments++
			fmt.Printf("%s: %q\n", cmp.Or(event.Segment.Winner, "-"), event.Segment.Text)
			if segments == most {
				fmt.Printf("cancelled after %d segments\n", segments)
				return nil
			}
		case *specfusev1.GenerateResponse_Finished:
			if event.Finished.Text != "" {
				fmt.Printf("-: %q\n", event.Finished.Text)
			}
			usage := event.Finished.Usage
			fmt.Printf("%s: %d rounds, %d tokens\n", event.Finished.Reason, usage.Rounds, usage.CompletionTokens)
		}
	}
}

func explain(err error) {
	told := status.Convert(err)
	fmt.Fprintf(os.Stderr, "%s: %s\n", told.Code(), told.Message())
	for _, detail := range told.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			fmt.Fprintf(os.Stderr, "reason: %s\n", detail.Reason)
		case *errdetails.BadRequest:
			for _, violation := range detail.FieldViolations {
				fmt.Fprintf(os.Stderr, "field: %s: %s\n", violation.Field, violation.Description)
			}
		case *errdetails.RetryInfo:
			fmt.Fprintf(os.Stderr, "try again in %v\n", detail.RetryDelay.AsDuration())
		}
	}
}
