"""kserve's REST client in its default settings, used as documented, against a server: a program that needs only kserve.

`python kserve_program.py URL OLDER NEWEST` takes the ids of two jobs with the patterns 110 and 1010. It is a program of
its own because kserve needs other versions of this project's libraries.
"""

import asyncio
import sys

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

MANY = np.random.default_rng(3).random((10_000, 4), np.float32)


def infer_request(rows, *, binary, outputs=None, parameters=None):
    tensor = InferInput(name="vector", shape=list(rows.shape), datatype="FP32")
    tensor.set_data_from_numpy(rows, binary_data=binary)
    options = {"request_id": "42", "request_outputs": outputs, "parameters": parameters}
    return InferRequest(model_name="discriminator", infer_inputs=[tensor], **options)


async def scores(url, rows):
    async with httpx.AsyncClient(base_url=url) as web:
        response = await web.post("/score", json={"vectors": rows.tolist()})
    return np.array(response.json()["scores"], np.float32).reshape(-1, 1).tolist()


async def check_health(client, url, older):
    assert await client.is_server_live(url) is True
    assert await client.is_server_ready(url) is True
    assert await client.is_model_ready(url, "generator") is True
    assert await client.is_model_ready(url, f"generator/versions/{older}") is True
    assert await client.is_model_ready(url, "other") is False


async def check_infer(client, url, newest):
    for rows in (MANY[:1], MANY):
        expected = await scores(url, rows)
        for binary in (True, False):
            for binary_out in (None, True, False):
                outputs = binary_out if binary_out is None else [RequestedOutput("score", {"binary_data": binary_out})]
                headers = {}
                request = infer_request(rows, binary=binary, outputs=outputs)
                response = await client.infer(url, request, model_name="discriminator", response_headers=headers)
                assert (response.model_name, response.id) == ("discriminator", "42")
                assert response.outputs[0].as_numpy().astype(np.float32).tolist() == expected
                assert ("inference-header-content-length" in headers) == (binary_out is True)
    all_binary = infer_request(MANY, binary=True, parameters={"binary_data_output": True})
    response = await client.infer(url, all_binary, model_name="discriminator")
    assert response.outputs[0].as_numpy().tolist() == expected
    plain = {"inputs": [{"name": "vector", "shape": [1, 4], "datatype": "FP32", "data": [[0.9, 0.1, 0.9, 0.1]]}]}
    response = await client.infer(url, plain, model_name=f"discriminator/versions/{newest}")
    assert response.outputs[0].shape == [1, 1]


async def check_error(client, url, older):
    infer = client.infer(url, infer_request(MANY[:2], binary=True), model_name=f"discriminator/versions/{older}")
    (error,) = await asyncio.gather(infer, return_exceptions=True)
    assert isinstance(error, httpx.HTTPStatusError), error
    assert error.response.status_code == 422, error
    assert "of shape [-1, 3]" in str(error), error


async def main(url, older, newest):
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    await check_health(client, url, older)
    await check_infer(client, url, newest)
    await check_error(client, url, older)
    await client.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
