"""Endpoints of trained networks: samples, scores and files of models."""

from collections.abc import Sequence

from gan1010.client import responses
from gan1010.client.calls import Call, Endpoint, content, get, parse_as, post, url_path
from gan1010.client.responses import Page


class InferenceEndpoints:
    """The methods for samples, scores and model files."""

    @Endpoint
    def sample(
        self, latents: Sequence[float] = (0.5,), *, job_id: str | None = None, iteration: int | None = None
    ) -> Call[responses.Samples]:
        """Get G's output for each latent, from the last job that succeeded or from a snapshot of any job."""
        body = {"seeds": list(latents), "job_id": job_id, "iteration": iteration}
        return post("/sample", responses.Samples, body)

    @Endpoint
    def score(
        self, vectors: Sequence[Sequence[float]], *, job_id: str | None = None, iteration: int | None = None
    ) -> Call[responses.Scores]:
        """Get D's score of each vector: 0 is fake, 1 is real."""
        body = {"vectors": [list(vector) for vector in vectors], "job_id": job_id, "iteration": iteration}
        return post("/score", responses.Scores, body)

    @Endpoint
    def models(self, *, limit: int = 50, after: str | None = None) -> Call[Page[responses.ModelInfo]]:
        """List the finished models, newest first."""
        return get("/models", parse_as(Page[responses.ModelInfo]), limit=limit, after=after)

    @Endpoint
    def download(self, job_id: str, file: str) -> Call[bytes]:
        """Get a file of a finished model, such as `generator.safetensors`, `discriminator.onnx` or `triton.zip`."""
        return get(url_path("models", job_id, file), content)
