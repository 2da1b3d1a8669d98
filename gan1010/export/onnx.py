"""Networks as ONNX files, and both as a folder that Triton and KServe serve as it is.

Inputs and outputs have the names and shapes of the service's own Open Inference Protocol: `seed` [-1, 1] to `sample`
[-1, W], `vector` [-1, W] to `score` [-1, 1]. The same model always gives the same bytes.
"""

import io
import zipfile
from typing import Literal

from gan1010.layout import Layout
from gan1010.model import Model
from gan1010.types import Float32s

Network = Literal["generator", "discriminator"]
TENSORS: dict[Network, tuple[str, str]] = {"generator": ("seed", "sample"), "discriminator": ("vector", "score")}

OPSET, IR_VERSION = 13, 7  # old enough for whatever reads ONNX, new enough for Gemm and Sigmoid as they are today
ROWS = "rows"  # the name of the dimension that may be anything
MAX_BATCH_ROWS = 100_000  # rows in one request, as the service has it
EPOCH = (1980, 1, 1, 0, 0, 0)  # of every file in the archive: the earliest that ZIP can say
READABLE = 0o644 << 16

CONFIG = """\
name: "{name}"
platform: "onnxruntime_onnx"
max_batch_size: {most}
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
    """One network as an ONNX file: Gemm, Sigmoid, Gemm, Sigmoid.

    Raises:
        ValueError: the model has no generator.
    """
    import onnx  # takes as long to load as all else together, and is seldom asked for
    from onnx import TensorProto, helper, numpy_helper

    layout, weights = _network(model, name)
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
    whole = helper.make_model(
        graph, producer_name="gan1010", ir_version=IR_VERSION, opset_imports=[helper.make_opsetid("", OPSET)]
    )
    helper.set_model_props(whole, {"pattern": model.pattern, "spread": repr(float(model.spread))})
    onnx.checker.check_model(whole, full_check=True)
    content: bytes = whole.SerializeToString(deterministic=True)
    return content


def triton_repository(model: Model) -> bytes:
    """A ZIP archive of a model repository: for each network a folder with its configuration and its ONNX file."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        for name in TENSORS:
            if name == "discriminator" or model.generator is not None:
                _add(files, f"{name}/config.pbtxt", _config(model, name).encode())
                _add(files, f"{name}/1/model.onnx", dump_onnx(model, name))
    return archive.getvalue()


def _network(model: Model, name: Network) -> tuple[Layout, Float32s]:
    if name == "discriminator":
        return model.discriminator_layout, model.discriminator
    if model.generator is None:
        raise ValueError("the discriminator experiment trains no generator, so there is none to save")
    return model.generator_layout, model.generator


def _config(model: Model, name: Network) -> str:
    layout, _ = _network(model, name)
    (source, target), most = TENSORS[name], MAX_BATCH_ROWS
    return CONFIG.format(
        name=name, most=most, input=source, inputs=layout.inputs, output=target, outputs=layout.outputs
    )


def _add(files: zipfile.ZipFile, path: str, content: bytes) -> None:
    """A file that is the same whoever makes it, and whenever."""
    entry = zipfile.ZipInfo(path, EPOCH)
    entry.create_system, entry.external_attr = 3, READABLE  # Unix
    files.writestr(entry, content)
