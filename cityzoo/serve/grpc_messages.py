"""The messages of the Open Inference Protocol over gRPC, made from a table instead of generated code.

Names and numbers of the fields are those of the protocol's `inference` package:
https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/open_inference_grpc.proto
"""

from __future__ import annotations

import functools
from typing import Any

from cityzoo.errors import InputError

PACKAGE, SERVICE = "inference", "GRPCInferenceService"
# Message -> fields, numbered from 1 in this order: "name type", "name *type" repeated, "name %type" a map from strings.
MESSAGES = {
    "ServerLiveRequest": "",
    "ServerLiveResponse": "live bool",
    "ServerReadyRequest": "",
    "ServerReadyResponse": "ready bool",
    "ModelReadyRequest": "name string, version string",
    "ModelReadyResponse": "ready bool",
    "ServerMetadataRequest": "",
    "ServerMetadataResponse": "name string, version string, extensions *string",
    "ModelMetadataRequest": "name string, version string",
    "TensorMetadata": "name string, datatype string, shape *int64",
    "ModelMetadataResponse": "name string, versions *string, platform string, inputs *TensorMetadata, "
    "outputs *TensorMetadata",
    "InferParameter": "bool_param bool, int64_param int64, string_param string, double_param double",
    "InferTensorContents": "bool_contents *bool, int_contents *int32, int64_contents *int64, uint_contents *uint32, "
    "uint64_contents *uint64, fp32_contents *float, fp64_contents *double, bytes_contents *bytes",
    "InferTensor": "name string, datatype string, shape *int64, parameters %InferParameter, "
    "contents InferTensorContents",
    "InferRequestedOutput": "name string, parameters %InferParameter",
    "ModelInferRequest": "model_name string, model_version string, id string, parameters %InferParameter, "
    "inputs *InferTensor, outputs *InferRequestedOutput, raw_input_contents *bytes",
    "ModelInferResponse": "model_name string, model_version string, id string, parameters %InferParameter, "
    "outputs *InferTensor, raw_output_contents *bytes",
}
METHODS = ("ServerLive", "ServerReady", "ModelReady", "ServerMetadata", "ModelMetadata", "ModelInfer")


@functools.cache
def message_classes() -> dict[str, Any]:
    """Return the class of each message by name.

    Raises:
        InputError: protobuf is not installed.

    Example:
        >>> kind = message_classes()["ServerLiveResponse"]
        >>> kind(live=True).SerializeToString(), kind.FromString(b"\\x08\\x01").live
        (b'\\x08\\x01', True)
    """
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    except ImportError as error:
        raise InputError(f'gRPC needs protobuf ({error}): pip install "cityzoo[grpc]"') from error
    file = descriptor_pb2.FileDescriptorProto(
        name="cityzoo/open_inference.proto", package=PACKAGE, syntax="proto3"
    )
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, field in enumerate(filter(None, fields.split(", ")), 1):
            _add_field(message, number, *field.split())
    pool = descriptor_pool.DescriptorPool()  # of its own: clients of Triton register the same names
    pool.Add(file)
    found = (pool.FindMessageTypeByName(f"{PACKAGE}.{name}") for name in MESSAGES)
    return {each.name: message_factory.GetMessageClass(each) for each in found}


def _add_field(message: Any, number: int, name: str, kind: str) -> None:
    field = message.field.add(name=name, number=number)
    field.label = field.LABEL_REPEATED if kind[0] in "*%" else field.LABEL_OPTIONAL
    if kind[0] == "%":
        entry = message.nested_type.add(name=f"{name.title()}Entry")
        entry.options.map_entry = True
        _add_field(entry, 1, "key", "string")
        _add_field(entry, 2, "value", kind[1:])
        field.type, field.type_name = field.TYPE_MESSAGE, f".{PACKAGE}.{message.name}.{entry.name}"
    elif kind.lstrip("*") in MESSAGES:
        field.type, field.type_name = field.TYPE_MESSAGE, f".{PACKAGE}.{kind.lstrip('*')}"
    else:
        field.type = getattr(field, f"TYPE_{kind.lstrip('*').upper()}")
