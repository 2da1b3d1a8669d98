"""Pictures of a job: of every kind and format, the same each time, and clear words where there is none."""

import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import httpx
import numpy as np
import pytest
from PIL import Image

from gan1010 import plots
from tests.support.clients import Client
from tests.support.contract import SHORT_JOB, Json, check_problem, content_type, start_running_job, submit_job, train

FILES = [f"{plot}.{format}" for plot in ("losses", "evolution", "surface") for format in ("png", "svg")]


def plot(client: httpx.Client, job: Json, file: str, **parameters: int) -> httpx.Response:
    return client.get(f"/jobs/{job['id']}/plots/{file}", params=parameters)


@pytest.mark.parametrize("file", FILES)
def test_each_plot_is_a_picture_of_its_format_and_the_same_each_time(
    shared_client: Client, article_job: Json, file: str
) -> None:
    answer = plot(shared_client, article_job, file)
    assert answer.status_code == 200
    if file.endswith("png"):
        assert content_type(answer) == "image/png"
        width, height = Image.open(BytesIO(answer.content)).size
        assert width > height > 400
    else:
        assert content_type(answer) == "image/svg+xml"
        assert ET.fromstring(answer.text).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314, our own bytes
    again = shared_client.get(answer.request.url, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_plots_are_those_of_the_job(shared_client: Client, article_job: Json) -> None:
    path = f"/jobs/{article_job['id']}"
    series = shared_client.get(f"{path}/progress").json()["series"]
    snapshots = shared_client.get(f"{path}/snapshots").json()
    plane = plots.plane("1010").tolist()
    scores = shared_client.post(
        "/score", json={"vectors": plane, "job_id": article_job["id"], "iteration": 5000}
    ).json()["scores"]
    sample = shared_client.get("/sample", params={"job_id": article_job["id"], "iteration": 5000}).json()["samples"][0]
    assert plot(shared_client, article_job, "losses.png").content == plots.losses(series)
    evolution = plots.evolution(snapshots["samples"], snapshots["iterations"], pattern="1010")
    assert plot(shared_client, article_job, "evolution.png").content == evolution
    surface = plots.surface(scores, pattern="1010", spread=0.2, sample=sample, moment="after 5,000 iterations")
    assert plot(shared_client, article_job, "surface.png", iteration=5000).content == surface


def test_surface_is_that_of_any_kept_moment(shared_client: Client, article_job: Json) -> None:
    pictures = [
        plot(shared_client, article_job, "surface.png", iteration=iteration).content for iteration in (0, 5000, 10_000)
    ]
    assert len(set(pictures)) == 3
    assert pictures[2] == plot(shared_client, article_job, "surface.png").content
    content = check_problem(plot(shared_client, article_job, "surface.png", iteration=150), 422, "no-such-snapshot")
    assert "100, 200" in content["detail"]


@pytest.mark.parametrize("file", ["losses.png", "evolution.svg"])
def test_only_the_surface_is_of_one_moment(shared_client: Client, article_job: Json, file: str) -> None:
    check_problem(plot(shared_client, article_job, file, iteration=100), 422, "invalid-input")


def test_discriminator_alone_has_losses_and_a_surface_but_no_evolution(
    shared_client: Client, discriminator_job: Json
) -> None:
    check_problem(plot(shared_client, discriminator_job, "evolution.png"), 409, "no-generator")
    surface = Image.open(BytesIO(plot(shared_client, discriminator_job, "surface.png").content)).convert("RGB")
    assert not (np.asarray(surface) == (0, 158, 115)).all(axis=2).any()  # no green mark of a generator
    assert plot(shared_client, discriminator_job, "losses.svg").status_code == 200


@pytest.mark.parametrize(
    "file", ["losses.pdf", "losses", "loss.png", "surface.PNG", "heatmap.png", ".png", "a.b.c.png"]
)
def test_unknown_plot_is_not_found_and_the_answer_names_those_that_there_are(
    shared_client: Client, article_job: Json, file: str
) -> None:
    content = check_problem(plot(shared_client, article_job, file), 404, "plot-not-found")
    assert all(name in content["detail"] for name in ("losses", "evolution", "surface", "png", "svg"))


def test_sweep_has_neither_plots_of_a_run_nor_its_script(shared_client: Client) -> None:
    sweep = shared_client.post("/sweeps", params={"wait": 20}, json={"base": {"iterations": 10}, "seeds": 2}).json()
    for path in (*(f"plots/{file}" for file in FILES), "script.py"):
        check_problem(shared_client.get(f"/jobs/{sweep['id']}/{path}"), 409, "wrong-kind")


def test_unknown_job_has_no_plots(shared_client: Client) -> None:
    check_problem(plot(shared_client, {"id": "none"}, "losses.png"), 404, "job-not-found")


@pytest.mark.parametrize("file", ["losses.png", "evolution.png", "surface.png"])
def test_job_that_has_not_begun_has_nothing_to_draw(client: Client, file: str) -> None:
    running = start_running_job(client)
    queued = submit_job(client, **SHORT_JOB)
    check_problem(plot(client, queued, file), 409, "no-model")
    assert plot(client, running, file).status_code == 200
    client.post(f"/jobs/{queued['id']}/cancel")
    check_problem(plot(client, queued, file), 409, "no-model")


@pytest.mark.parametrize("settings", [{"pattern": "1"}, {"pattern": "0" * 16, "loss": "bce"}, {"iterations": 1}])
def test_any_job_can_be_drawn(shared_client: Client, settings: Json) -> None:
    job = train(shared_client, **SHORT_JOB | settings)
    assert {plot(shared_client, job, file).status_code for file in FILES} == {200}


def test_many_who_want_pictures_leave_room_for_others(server_url: str) -> None:
    with httpx.Client(base_url=server_url, timeout=60) as client, ThreadPoolExecutor(45) as pool:
        job = train(client, **SHORT_JOB)
        pictures = [pool.submit(plot, client, job, "evolution.png") for _ in range(45)]
        assert train(client, **SHORT_JOB)["status"] == "succeeded"
        assert not all(picture.done() for picture in pictures)
        assert len({picture.result().content for picture in pictures}) == 1
