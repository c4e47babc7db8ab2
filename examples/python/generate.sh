#!/bin/sh
# Makes specfuse/v1/*_pb2.py of the contract, with the Python that is active.
set -eu
cd "$(dirname "$0")"
python -m grpc_tools.protoc -I ../../proto --python_out=. --pyi_out=. --grpc_python_out=. \
    ../../proto/specfuse/v1/worker.proto ../../proto/specfuse/v1/ensemble.proto
