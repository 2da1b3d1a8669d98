"""`/openapi.json`: complete, valid and true. Every in-process client of the tests checks its responses against it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openapi_spec_validator
import pytest
from jsonschema import Draft202012Validator

from tests.support.clients import Client, app_client
from tests.support.contract import SHORT_JOB, Json, check_problem, resolve_ref, train

Operations = dict[tuple[str, str], Json]
CONTRACT = {
    ("post", "/train"): {200, 202, 400, 413, 415, 422, 429},
    ("get", "/jobs"): {200, 422},
    ("get", "/jobs/{job_id}"): {200, 304, 404, 422},
    ("delete", "/jobs/{job_id}"): {204, 404, 409},
    ("post", "/jobs/{job_id}/cancel"): {200, 404, 409},
    ("get", "/jobs/{job_id}/progress"): {200, 304, 404, 409, 422},
    ("get", "/jobs/{job_id}/snapshots"): {200, 304, 404, 422},
    ("get", "/jobs/{job_id}/events"): {200, 204, 404, 409, 422},
    ("get", "/jobs/{job_id}/plots/{file}"): {200, 304, 404, 409, 422},
    ("get", "/jobs/{job_id}/script.py"): {200, 304, 404},
    ("get", "/presets"): {200},
    ("get", "/sample"): {200, 404, 409, 422},
    ("post", "/sample"): {200, 400, 404, 409, 413, 415, 422},
    ("post", "/score"): {200, 400, 404, 409, 413, 415, 422},
    ("post", "/sweeps"): {200, 202, 400, 413, 415, 422, 429},
    ("get", "/sweeps/{job_id}/results"): {200, 304, 404, 409, 422},
    ("get", "/sweeps/{job_id}/members"): {200, 304, 404, 409, 422},
    ("post", "/sweeps/{job_id}/members/{index}/train"): {200, 202, 404, 409, 422, 429},
    ("get", "/sweeps/{job_id}/plots/{file}"): {200, 304, 404, 409, 422},
    ("get", "/models"): {200, 422},
    ("get", "/models/{job_id}/{file}"): {200, 404},
    ("get", "/v2"): {200},
    ("get", "/v2/health/live"): {200},
    ("get", "/v2/health/ready"): {200, 503},
    ("get", "/v2/models"): {200},
    ("get", "/v2/models/{name}"): {200, 404, 409},
    ("get", "/v2/models/{name}/ready"): {200, 404, 409},
    ("get", "/v2/models/{name}/versions/{job_id}"): {200, 404, 409},
    ("get", "/v2/models/{name}/versions/{job_id}/ready"): {200, 404, 409},
    ("post", "/v2/models/{name}/infer"): {200, 400, 404, 409, 413, 415, 422},
    ("post", "/v2/models/{name}/versions/{job_id}/infer"): {200, 400, 404, 409, 413, 415, 422},
    ("post", "/v2/repository/index"): {200, 400, 413, 422},
    ("post", "/v2/repository/models/{name}/load"): {200, 400, 404, 409, 413, 422},
    ("post", "/v2/repository/models/{name}/unload"): {200, 400, 404, 413, 422},
    ("get", "/healthz"): {200},
    ("get", "/readyz"): {200, 503},
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with app_client(tmp_path_factory.mktemp("openapi"), workers=1) as client:
        yield client


@pytest.fixture(scope="module")
def description(client: Client) -> Json:
    return dict(client.get("/openapi.json").json())


@pytest.fixture(scope="module")
def operations(description: Json) -> Operations:
    """Operations by method and path, with their responses dereferenced."""

    def responses(operation: Json) -> Json:
        return {status: resolve_ref(description, response) for status, response in operation["responses"].items()}

    return {
        (method, path): operation | {"responses": responses(operation)}
        for path, item in description["paths"].items()
        for method, operation in item.items()
    }


def objects(value: Any) -> Iterator[Json]:
    """Yield each object in a description, however deep."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(inner)


def media_types(operations: Operations) -> Iterator[tuple[tuple[str, str], str, str, Json]]:
    """Yield the call, status, media type and its object for each body; a request's status is "request"."""
    for call, operation in operations.items():
        for status, body in {"request": operation.get("requestBody", {}), **operation["responses"]}.items():
            for kind, media in body.get("content", {}).items():
                yield call, status, kind, media


def test_description_is_valid_openapi(description: Json) -> None:
    openapi_spec_validator.validate(description)


def test_contract_is_described(operations: Operations) -> None:
    assert CONTRACT.keys() <= operations.keys()
    for call, statuses in CONTRACT.items():
        assert {str(status) for status in statuses} <= operations[call]["responses"].keys(), call


def test_every_operation_has_a_unique_name_and_summary_and_a_tag(operations: Operations) -> None:
    for unique in ("operationId", "summary"):
        assert len({operation[unique] for operation in operations.values()}) == len(operations)
    assert all(operation["tags"] for operation in operations.values())


def test_every_parameter_and_request_field_is_described(description: Json, operations: Operations) -> None:
    missing = [
        (call, parameter["name"])
        for call, operation in operations.items()
        for parameter in operation.get("parameters", [])
        if not parameter.get("description")
    ]
    for name in ("TrainRequest", "SweepRequest", "SweepBase", "SweepGrid", "Seeds", "SampleRequest", "ScoreRequest"):
        fields = description["components"]["schemas"][name]["properties"]
        missing += [(name, field) for field, schema in fields.items() if not schema.get("description")]
    assert missing == []


def test_every_reference_resolves(description: Json) -> None:
    references = {part["$ref"] for part in objects(description) if isinstance(part.get("$ref"), str)}
    components = description["components"]
    assert references <= {f"#/components/{kind}/{name}" for kind, named in components.items() for name in named}
    assert not {"HTTPValidationError", "ValidationError"} & components["schemas"].keys()


def test_every_error_is_described_as_a_problem(operations: Operations) -> None:
    for call, operation in operations.items():
        assert operation["responses"].keys() >= {"400", "403", "408", "413", "414", "431", "500", "503"}, call
        for status, response in operation["responses"].items():
            assert response["description"]
            if 400 <= int(status) < 500:
                media_type = "application/json" if call[1].startswith("/v2") else "application/problem+json"
                assert response["content"].keys() == {media_type}, (call, status)


def test_every_json_body_has_an_example_that_fits_its_schema(description: Json, operations: Operations) -> None:
    for call, _, kind, media in media_types(operations):
        if kind.endswith("json"):
            example, schema = media["example"], resolve_ref(description, media["schema"])
            Draft202012Validator({**media["schema"], "components": description["components"]}).validate(example)
            assert not isinstance(example, dict) or example.keys() <= schema.get("properties", example).keys(), call


def test_examples_of_requests_are_accepted(client: Client, operations: Operations) -> None:
    names = {"job_id": train(client, seed=1)["id"], "name": "generator"}
    for (method, path), operation in operations.items():
        if "requestBody" in operation:
            example = operation["requestBody"]["content"]["application/json"]["example"]
            response = client.request(method, path.format(**names), json=example)
            assert response.status_code in (200, 202), (path, example, response.text)


def test_examples_of_problems_have_their_status_and_type(operations: Operations) -> None:
    for call, status, _, media in media_types(operations):
        if "400" <= status < "600" and "type" in media["example"]:
            assert media["example"]["status"] == int(status), (call, status)
            assert media["example"]["type"] != "/problems/internal-error", (call, status)


def test_examples_of_conflicts_are_real(tmp_path: Path, operations: Operations) -> None:
    with app_client(tmp_path, workers=1) as client:
        responses = {("get", "/sample"): client.get("/sample")}
        id = train(client, **SHORT_JOB)["id"]
        responses["post", "/jobs/{job_id}/cancel"] = client.post(f"/jobs/{id}/cancel")
    for call, response in responses.items():
        (media,) = operations[call]["responses"]["409"]["content"].values()
        assert media["example"] | {"instance": ""} == check_problem(response, 409) | {"instance": ""}


@pytest.mark.parametrize(
    ("path", "job", "names"),
    [
        ("/train", SHORT_JOB, {"get_job", "get_progress", "follow_job", "get_snapshots", "get_script"}),
        ("/sweeps", {"base": {"iterations": 10}, "seeds": 2}, {"get_job", "get_results", "list_members"}),
    ],
)
def test_links_of_a_new_job_lead_to_it(
    client: Client, operations: Operations, path: str, job: Json, names: set[str]
) -> None:
    id = client.post(path, params={"wait": 9}, json=job).json()["id"]
    calls = {operation["operationId"]: call for call, operation in operations.items()}
    for status in ("200", "202"):
        links = operations["post", path]["responses"][status]["links"].values()
        assert names <= {link["operationId"] for link in links}
        for link in links:
            method, linked_path = calls[link["operationId"]]
            parameters = operations[method, linked_path]["parameters"]
            required = {parameter["name"] for parameter in parameters if parameter.get("required")}
            assert required <= link["parameters"].keys() <= {parameter["name"] for parameter in parameters}
            assert set(link["parameters"].values()) == {"$response.body#/id"}
            if method == "get":
                url = linked_path.format(**dict.fromkeys(link["parameters"], id))
                assert client.get(url).status_code in (200, 204)  # 204: no events after the end


def test_settings_have_the_bounds_and_defaults_of_the_contract(description: Json) -> None:
    schema = description["components"]["schemas"]["TrainRequest"]
    fields = schema["properties"]
    assert fields["iterations"]["default"] == 10_000
    assert (fields["iterations"]["minimum"], fields["iterations"]["maximum"]) == (1, 10_000_000)
    assert (fields["spread"]["exclusiveMinimum"], fields["spread"]["maximum"]) == (0, 0.5)
    assert fields["loss"]["enum"] == ["mse", "bce"]
    assert str(2**53 - 1) in json.dumps(fields)
    assert schema["additionalProperties"] is False
