"""A program that needs only kserve: its REST client, as documented and in its default settings, against a server.

`python kserve_program.py URL OLDER NEWEST` asserts all that it sees; the ids are those of two jobs, of patterns 110 and
1010. It stands alone because kserve wants other versions of what this project uses.
"""

import asyncio
import sys

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

MANY = np.random.default_rng(3).random((10_000, 4), np.float32)


def question(rows, *, binary, outputs=None, name="vector", datatype="FP32", parameters=None):
    tensor = InferInput(name=name, shape=list(rows.shape), datatype=datatype)
    tensor.set_data_from_numpy(rows, binary_data=binary)
    return InferRequest(
        model_name="discriminator",
        infer_inputs=[tensor],
        request_id="42",
        request_outputs=outputs,
        parameters=parameters,
    )


async def served_scores(url, rows):
    async with httpx.AsyncClient(base_url=url) as web:
        answer = await web.post("/score", json={"vectors": rows.tolist()})
    return np.array(answer.json()["scores"], np.float32).reshape(-1, 1).tolist()


async def refused(client, url, model, data, status, message):
    try:
        answer = await client.infer(url, data, model_name=model)
    except httpx.HTTPStatusError as error:
        answer = error
    assert isinstance(answer, httpx.HTTPStatusError), f"{model} answered what it should refuse"
    assert answer.response.status_code == status, answer
    assert message in str(answer), answer


async def check_health(client, url, older):
    assert await client.is_server_live(url) is True
    assert await client.is_server_ready(url) is True
    assert await client.is_model_ready(url, "generator") is True
    assert await client.is_model_ready(url, f"generator/versions/{older}") is True
    assert await client.is_model_ready(url, "other") is False


async def check_infer(client, url, newest):
    for rows in (MANY[:1], MANY):
        expected = await served_scores(url, rows)
        for binary in (True, False):
            for binary_out in (None, True, False):
                outputs = None
                if binary_out is not None:
                    outputs = [RequestedOutput("score", {"binary_data": binary_out})]
                headers = {}
                answer = await client.infer(
                    url,
                    question(rows, binary=binary, outputs=outputs),
                    model_name="discriminator",
                    response_headers=headers,
                )
                assert answer.model_name == "discriminator"
                assert answer.id == "42"
                assert answer.outputs[0].as_numpy().astype(np.float32).tolist() == expected
                assert ("inference-header-content-length" in headers) == (binary_out is True)
    all_binary = question(MANY, binary=True, parameters={"binary_data_output": True})
    answer = await client.infer(url, all_binary, model_name="discriminator")
    assert answer.outputs[0].as_numpy().tolist() == expected
    plain = {"inputs": [{"name": "vector", "shape": [1, 4], "datatype": "FP32", "data": [[0.9, 0.1, 0.9, 0.1]]}]}
    answer = await client.infer(url, plain, model_name=f"discriminator/versions/{newest}")
    assert answer.outputs[0].shape == [1, 1]


async def check_errors(client, url, older):
    good = MANY[:2]
    for model, data, status, message in (
        ("other", question(good, binary=True), 404, "generator and discriminator"),
        ("discriminator/versions/1", question(good, binary=True), 404, "No job has this id"),
        (f"discriminator/versions/{older}", question(good, binary=True), 422, "of shape [-1, 3]"),
        ("discriminator", question(good[:, :3].copy(), binary=False), 422, "of shape [-1, 4]"),
        ("discriminator", question(good.astype(np.float64), binary=True, datatype="FP64"), 422, "vector is FP32"),
        ("discriminator", question(good, binary=True, name="seed"), 422, "one input, vector"),
    ):
        await refused(client, url, model, data, status, message)


async def main(url, older, newest):
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    await check_health(client, url, older)
    await check_infer(client, url, newest)
    await check_errors(client, url, older)
    await client.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
