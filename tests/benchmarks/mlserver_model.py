"""Custom MLServer runtime for the discriminator's ONNX file. MLServer imports this module."""

import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Discriminator(MLModel):
    """Discriminator in onnxruntime."""

    async def load(self) -> bool:
        """Load the file that the model's settings name."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # the fastest setting for one row
        self._session = onnxruntime.InferenceSession(self.settings.parameters.uri, options)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Score the vectors."""
        vectors = NumpyCodec.decode_input(payload.inputs[0])
        (scores,) = self._session.run(["score"], {"vector": vectors})
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("score", scores)])
