"""ONNX export: each network as an ONNX file, and both as a model repository for Triton and KServe.

Inputs and outputs have the names and shapes of the service's Open Inference Protocol: `seed` [-1, 1] to `sample`
[-1, W], `vector` [-1, W] to `score` [-1, 1]. The same model always gives the same bytes.
"""

import io
import zipfile

from gan1010.config import MAX_ROWS
from gan1010.model import Model
from gan1010.model_file import Network

__all__ = ["dump_onnx", "triton_repository"]

TENSORS: dict[Network, tuple[str, str]] = {"generator": ("seed", "sample"), "discriminator": ("vector", "score")}

OPSET, IR_VERSION = 13, 7  # old enough for all readers; newer versions of Gemm and Sigmoid compute the same
ROWS = "rows"  # name of the dimension of any size
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time in a ZIP archive, so that its bytes do not depend on the time
UNIX, READABLE = 3, 0o644 << 16

CONFIG = """\
name: "{name}"
platform: "onnxruntime_onnx"
max_batch_size: {max_rows}
input [
  {{
    name: "{input}"
    data_type: TYPE_FP32
    dims: [ {inputs} ]
  }}
]
output [
  {{
    name: "{output}"
    data_type: TYPE_FP32
    dims: [ {outputs} ]
  }}
]
dynamic_batching {{ }}
"""


def dump_onnx(model: Model, name: Network) -> bytes:
    """Serialise one network: Gemm, Sigmoid, Gemm, Sigmoid; ValueError if the model has no generator."""
    import onnx  # takes as long to load as everything else together
    from onnx import TensorProto, helper, numpy_helper

    layout, weights = model.network(name)
    source, target = TENSORS[name]
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", [source, "0.weight", "0.bias"], ["hidden_sum"], transB=1),
            helper.make_node("Sigmoid", ["hidden_sum"], ["hidden"]),
            helper.make_node("Gemm", ["hidden", "2.weight", "2.bias"], ["output_sum"], transB=1),
            helper.make_node("Sigmoid", ["output_sum"], [target]),
        ],
        name,
        [helper.make_tensor_value_info(source, TensorProto.FLOAT, [ROWS, layout.inputs])],
        [helper.make_tensor_value_info(target, TensorProto.FLOAT, [ROWS, layout.outputs])],
        [numpy_helper.from_array(part, key) for key, part in layout.split(weights).items()],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    proto = helper.make_model(graph, producer_name="gan1010", ir_version=IR_VERSION, opset_imports=opsets)
    helper.set_model_props(proto, {"pattern": model.pattern, "spread": repr(float(model.spread))})
    onnx.checker.check_model(proto, full_check=True)
    content: bytes = proto.SerializeToString(deterministic=True)
    return content


def triton_repository(model: Model) -> bytes:
    """Build a ZIP archive of a model repository: a folder for each network, with its configuration and ONNX file."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        for name in TENSORS:
            if name in model.networks:
                _add(files, f"{name}/config.pbtxt", _config(model, name).encode())
                _add(files, f"{name}/1/model.onnx", dump_onnx(model, name))
    return archive.getvalue()


def _config(model: Model, name: Network) -> str:
    (layout, _), (source, target) = model.network(name), TENSORS[name]
    return CONFIG.format(
        name=name, max_rows=MAX_ROWS, input=source, inputs=layout.inputs, output=target, outputs=layout.outputs
    )


def _add(files: zipfile.ZipFile, path: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(path, EPOCH)
    entry.create_system, entry.external_attr = UNIX, READABLE
    files.writestr(entry, content)
