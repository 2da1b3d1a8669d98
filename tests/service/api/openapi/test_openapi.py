"""`/openapi.json`: everything that there is, as it is; each test's client checks that its answers are in it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openapi_spec_validator
import pytest

from tests.support.clients import Client, app_client
from tests.support.contract import SHORT_JOB, Json, check_problem, resolve_ref, train

PROMISED = {
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


def operations(description: Json) -> dict[tuple[str, str], Json]:
    return {
        (method, path): operation
        | {"responses": {status: resolve_ref(description, answer) for status, answer in operation["responses"].items()}}
        for path, item in description["paths"].items()
        for method, operation in item.items()
    }


def everything(value: Any) -> Iterator[Json]:
    """Each object in a description, however deep."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from everything(inner)


def examples(description: Json, media: Json) -> list[Any]:
    """The examples of a media type, its own or its schema's."""
    schema = resolve_ref(description, media["schema"])
    found = [media["example"]] if "example" in media else []
    found += [example["value"] for example in media.get("examples", {}).values()]
    return found + schema.get("examples", []) + ([schema["example"]] if "example" in schema else [])


def test_description_is_valid_openapi(description: Json) -> None:
    openapi_spec_validator.validate(json.loads(json.dumps(description)))


def test_all_that_the_contract_promises_is_described(description: Json) -> None:
    described = operations(description)
    assert PROMISED.keys() <= described.keys()
    for call, statuses in PROMISED.items():
        assert {str(status) for status in statuses} <= described[call]["responses"].keys(), call


def test_every_operation_has_a_name_a_summary_and_a_tag(description: Json) -> None:
    described = operations(description)
    names = [operation["operationId"] for operation in described.values()]
    summaries = [operation["summary"] for operation in described.values()]
    assert len(set(names)) == len(names)
    assert len(set(summaries)) == len(summaries)
    assert all(operation["tags"] for operation in described.values())


def test_every_parameter_and_field_for_people_to_fill_in_is_described(description: Json) -> None:
    missing = [
        (call, parameter["name"])
        for call, operation in operations(description).items()
        for parameter in operation.get("parameters", [])
        if not parameter.get("description")
    ]
    for name in ("TrainRequest", "SweepRequest", "SweepBase", "SweepGrid", "Seeds", "SampleRequest", "ScoreRequest"):
        fields = description["components"]["schemas"][name]["properties"]
        missing += [(name, field) for field, schema in fields.items() if not schema.get("description")]
    assert missing == []


def test_every_reference_leads_somewhere(description: Json) -> None:
    schemas = description["components"]["schemas"]
    references = {part["$ref"] for part in everything(description) if isinstance(part.get("$ref"), str)}
    assert references <= {
        f"#/components/{kind}/{name}" for kind, of in description["components"].items() for name in of
    }
    assert not {"HTTPValidationError", "ValidationError"} & schemas.keys()


def test_every_error_is_described_as_a_problem(description: Json) -> None:
    for call, operation in operations(description).items():
        for status, answer in operation["responses"].items():
            assert answer["description"]
            if 400 <= int(status) < 500:
                kind = "application/json" if call[1].startswith("/v2") else "application/problem+json"
                assert answer["content"].keys() == {kind}, (call, status)


def test_every_operation_may_be_refused_by_the_guard_the_connection_and_the_disk(description: Json) -> None:
    for called, operation in operations(description).items():
        assert operation["responses"].keys() >= {"400", "403", "408", "413", "414", "431", "500", "503"}, called


def test_every_operation_shows_examples(description: Json) -> None:
    without = []
    for call, operation in operations(description).items():
        contents = [operation["requestBody"]["content"]] if "requestBody" in operation else []
        contents += [answer.get("content", {}) for status, answer in operation["responses"].items() if status < "300"]
        for content in contents:
            if "application/json" in content and not examples(description, content["application/json"]):
                without.append(call)  # noqa: PERF401
    assert without == []


def test_examples_of_requests_are_answered(client: Client, description: Json) -> None:
    names = {"job_id": train(client, seed=1)["id"], "name": "generator"}
    for (method, path), operation in operations(description).items():
        if "requestBody" in operation:
            for example in examples(description, operation["requestBody"]["content"]["application/json"]):
                body = {name: value for name, value in example.items() if name != "job_id"}
                answer = client.request(method, path.format(**names), json=body)
                assert answer.status_code in (200, 202), (path, example, answer.text)


def test_examples_of_answers_have_the_fields_of_answers(description: Json) -> None:
    for call, operation in operations(description).items():
        for answer in operation["responses"].values():
            for media in answer.get("content", {}).values():
                schema = resolve_ref(description, media["schema"])
                for example in examples(description, media):
                    if "properties" in schema and isinstance(example, dict):  # and no text of events
                        assert example.keys() <= schema["properties"].keys(), call
                        assert set(schema.get("required", [])) <= example.keys(), call


def test_examples_of_problems_have_their_status_and_a_type_that_says_more_than_that(description: Json) -> None:
    for call, operation in operations(description).items():
        for status, answer in operation["responses"].items():
            for media in resolve_ref(description, answer).get("content", {}).values():
                for example in examples(description, media):
                    if status >= "400" and "type" in example:
                        assert example["status"] == int(status), (call, status)
                        assert example["type"] != "/problems/internal-error", (call, status)


def test_examples_of_conflicts_are_what_is_answered(tmp_path: Path, description: Json) -> None:
    with app_client(tmp_path, workers=1) as client:
        answers = {("get", "/sample"): client.get("/sample")}
        id = train(client, **SHORT_JOB)["id"]
        answers["post", "/jobs/{job_id}/cancel"] = client.post(f"/jobs/{id}/cancel")
    for call, answer in answers.items():
        (media,) = operations(description)[call]["responses"]["409"]["content"].values()
        (example,) = examples(description, media)
        assert example | {"instance": ""} == check_problem(answer, 409) | {"instance": ""}


def test_links_of_a_new_job_lead_to_it(client: Client, description: Json) -> None:
    job = train(client, **SHORT_JOB)
    named = {operation["operationId"]: (call, operation) for call, operation in operations(description).items()}
    for status in ("200", "202"):
        links = description["paths"]["/train"]["post"]["responses"][status]["links"]
        assert {"get_job", "get_progress", "follow_job", "get_snapshots", "get_script"} <= {
            link["operationId"] for link in links.values()
        }
        for link in links.values():
            (method, path), operation = named[link["operationId"]]
            known = {parameter["name"] for parameter in operation["parameters"]}
            needed = {parameter["name"] for parameter in operation["parameters"] if parameter.get("required")}
            assert needed <= link["parameters"].keys() <= known
            assert set(link["parameters"].values()) == {"$response.body#/id"}
            if method == "get":
                names = {f"{{{name}}}": job["id"] for name in link["parameters"]}
                for name, value in names.items():
                    path = path.replace(name, value)
                assert client.get(path).status_code in (200, 204)  # 204: no events after the end


def test_links_of_a_new_sweep_lead_to_it(client: Client, description: Json) -> None:
    sweep = client.post("/sweeps", params={"wait": 9}, json={"base": {"iterations": 10}, "seeds": 2}).json()
    paths = {operation["operationId"]: path for (_, path), operation in operations(description).items()}
    links = description["paths"]["/sweeps"]["post"]["responses"]["202"]["links"]
    for name in ("job", "results", "members"):
        path = paths[links[name]["operationId"]].replace("{job_id}", sweep["id"])
        assert client.get(path).status_code == 200


def test_fields_of_a_training_have_the_bounds_and_defaults_of_the_contract(description: Json) -> None:
    fields = description["components"]["schemas"]["TrainRequest"]["properties"]
    text = json.dumps(fields)
    assert fields["iterations"]["default"] == 10_000
    assert (fields["iterations"]["minimum"], fields["iterations"]["maximum"]) == (1, 10_000_000)
    assert (fields["spread"]["exclusiveMinimum"], fields["spread"]["maximum"]) == (0, 0.5)
    assert fields["loss"]["enum"] == ["mse", "bce"]
    assert str(2**53 - 1) in text
    assert description["components"]["schemas"]["TrainRequest"]["additionalProperties"] is False
