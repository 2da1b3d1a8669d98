"""`/openapi.json`: complete, valid and true. Every in-process client of the tests checks its responses against it."""

import json
from collections.abc import Iterator
from pathlib import Path

import openapi_spec_validator
import pytest
from jsonschema import Draft202012Validator

from tests.support.clients import Client, app_client
from tests.support.contract import SHORT_JOB, Json, check_problem, resolve_ref, train

Operations = dict[tuple[str, str], Json]


@pytest.fixture(scope="module")
def description(shared_client: Client) -> Json:
    return dict(shared_client.get("/openapi.json").json())


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


def media_types(operations: Operations) -> Iterator[tuple[tuple[str, str], str, str, Json]]:
    """Yield the call, status, media type and its object for each body; a request's status is "request"."""
    for call, operation in operations.items():
        for status, body in {"request": operation.get("requestBody", {}), **operation["responses"]}.items():
            for kind, media in body.get("content", {}).items():
                yield call, status, kind, media


def test_description_is_valid_openapi(description: Json) -> None:
    openapi_spec_validator.validate(description)
    assert not {"HTTPValidationError", "ValidationError"} & description["components"]["schemas"].keys()


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
    shared_client: Client, operations: Operations, path: str, job: Json, names: set[str]
) -> None:
    id = shared_client.post(path, params={"wait": 9}, json=job).json()["id"]
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
                assert shared_client.get(url).status_code in (200, 204)  # 204: no events after the end


def test_settings_have_the_bounds_and_defaults_of_the_contract(description: Json) -> None:
    schema = description["components"]["schemas"]["TrainRequest"]
    fields = schema["properties"]
    assert fields["iterations"]["default"] == 10_000
    assert (fields["iterations"]["minimum"], fields["iterations"]["maximum"]) == (1, 10_000_000)
    assert (fields["spread"]["exclusiveMinimum"], fields["spread"]["maximum"]) == (0, 0.5)
    assert fields["loss"]["enum"] == ["mse", "bce", "minimax"]
    assert str(2**53 - 1) in json.dumps(fields)
    assert schema["additionalProperties"] is False
