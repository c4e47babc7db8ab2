"""Asks a coordinator one question and prints who wrote each segment of the answer."""

import argparse
import os
import sys

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from specfuse.v1 import ensemble_pb2, ensemble_pb2_grpc, worker_pb2


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("question")
    parser.add_argument("--endpoint", default=os.environ.get("SPECFUSE_ENDPOINT", "localhost:7070"), help="HOST:PORT")
    parser.add_argument("--api-key", default=os.environ.get("SPECFUSE_API_KEY"))
    parser.add_argument("--tls-ca", default=os.environ.get("SPECFUSE_TLS_CA"), help="PEM file: speak TLS, and trust these")
    parser.add_argument("--deadline", type=float, default=60, help="seconds")
    parser.add_argument("--segments", type=int, help="cancel after so many")
    parser.add_argument("--temperature", type=float, default=0)
    return parser.parse_args()


def connect(args: argparse.Namespace) -> grpc.Channel:
    if args.tls_ca is None:
        return grpc.insecure_channel(args.endpoint)
    with open(args.tls_ca, "rb") as file:
        return grpc.secure_channel(args.endpoint, grpc.ssl_channel_credentials(file.read()))


def ask(channel: grpc.Channel, args: argparse.Namespace) -> None:
    message = worker_pb2.Message(role="user", content=args.question)
    request = ensemble_pb2.GenerateRequest(
        conversation=worker_pb2.Conversation(messages=[message]),
        sampling=worker_pb2.Sampling(temperature=args.temperature),
    )
    metadata = [("authorization", f"Bearer {args.api_key}")] if args.api_key else []
    stub = ensemble_pb2_grpc.EnsembleServiceStub(channel)
    answer = stub.Generate(request, timeout=args.deadline, metadata=metadata)
    segments = 0
    for response in answer:
        match response.WhichOneof("event"):
            case "segment":
                segments += 1
                print(f"{response.segment.winner or '-'}: {response.segment.text!r}", flush=True)
                if segments == args.segments:
                    # Every worker stops computing for this answer.
                    answer.cancel()
                    print(f"cancelled after {segments} segments")
                    return
            case "finished":
                finished = response.finished
                if finished.text:
                    print(f"-: {finished.text!r}")
                reason = ensemble_pb2.FinishReason.Name(finished.reason)
                print(f"{reason}: {finished.usage.rounds} rounds, {finished.usage.completion_tokens} tokens")


def explain(error: grpc.RpcError) -> None:
    print(f"{error.code().name}: {error.details()}", file=sys.stderr)
    status = rpc_status.from_call(error)
    for detail in status.details if status else []:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo()
            detail.Unpack(info)
            print(f"reason: {info.reason}", file=sys.stderr)
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad_request = error_details_pb2.BadRequest()
            detail.Unpack(bad_request)
            for violation in bad_request.field_violations:
                print(f"field: {violation.field}: {violation.description}", file=sys.stderr)
        elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            retry = error_details_pb2.RetryInfo()
            detail.Unpack(retry)
            print(f"try again in {retry.retry_delay.ToMilliseconds()} ms", file=sys.stderr)


def main() -> int:
    args = arguments()
    with connect(args) as channel:
        try:
            ask(channel, args)
        except grpc.RpcError as error:
            explain(error)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
