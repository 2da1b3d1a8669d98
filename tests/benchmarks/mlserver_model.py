"""The discriminator as MLServer serves a model: its ONNX file in onnxruntime. MLServer imports it, not we."""

import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Discriminator(MLModel):
    """As MLServer's documentation has a runtime of one's own."""

    async def load(self) -> bool:
        """Read the file that the model's settings name."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # as fast as this one row goes
        self._session = onnxruntime.InferenceSession(self.settings.parameters.uri, options)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """The scores of the vectors."""
        vectors = NumpyCodec.decode_input(payload.inputs[0])
        (scores,) = self._session.run(["score"], {"vector": vectors})
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("score", scores)])
