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
from tests.support.contract import QUICK, Json, content_type, problem, start, start_running, train

FILES = [f"{plot}.{format}" for plot in ("losses", "evolution", "surface") for format in ("png", "svg")]


def plot(client: httpx.Client, job: Json, file: str, **parameters: int) -> httpx.Response:
    return client.get(f"/jobs/{job['id']}/plots/{file}", params=parameters)


@pytest.mark.parametrize("file", FILES)
def test_each_plot_is_a_picture_of_its_format_and_the_same_each_time(shared: Client, article: Json, file: str) -> None:
    answer = plot(shared, article, file)
    assert answer.status_code == 200
    if file.endswith("png"):
        assert content_type(answer) == "image/png"
        width, height = Image.open(BytesIO(answer.content)).size
        assert width > height > 400
    else:
        assert content_type(answer) == "image/svg+xml"
        assert ET.fromstring(answer.text).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314, our own bytes
    again = shared.get(answer.request.url, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_plots_are_those_of_the_job(shared: Client, article: Json) -> None:
    path = f"/jobs/{article['id']}"
    series = shared.get(f"{path}/progress").json()["series"]
    snapshots = shared.get(f"{path}/snapshots").json()
    plane = plots.plane("1010").tolist()
    scores = shared.post("/score", json={"vectors": plane, "job_id": article["id"], "iteration": 5000}).json()["scores"]
    sample = shared.get("/sample", params={"job_id": article["id"], "iteration": 5000}).json()["samples"][0]
    assert plot(shared, article, "losses.png").content == plots.losses(series)
    evolution = plots.evolution(snapshots["samples"], snapshots["iterations"], pattern="1010")
    assert plot(shared, article, "evolution.png").content == evolution
    surface = plots.surface(scores, pattern="1010", spread=0.2, sample=sample, moment="after 5,000 iterations")
    assert plot(shared, article, "surface.png", iteration=5000).content == surface


def test_surface_is_that_of_any_kept_moment(shared: Client, article: Json) -> None:
    pictures = [plot(shared, article, "surface.png", iteration=iteration).content for iteration in (0, 5000, 10_000)]
    assert len(set(pictures)) == 3
    assert pictures[2] == plot(shared, article, "surface.png").content
    content = problem(plot(shared, article, "surface.png", iteration=150), 422, "no-such-snapshot")
    assert "100, 200" in content["detail"]


@pytest.mark.parametrize("file", ["losses.png", "evolution.svg"])
def test_only_the_surface_is_of_one_moment(shared: Client, article: Json, file: str) -> None:
    problem(plot(shared, article, file, iteration=100), 422, "invalid-input")


def test_discriminator_alone_has_losses_and_a_surface_but_no_evolution(shared: Client, alone: Json) -> None:
    problem(plot(shared, alone, "evolution.png"), 409, "no-generator")
    surface = Image.open(BytesIO(plot(shared, alone, "surface.png").content)).convert("RGB")
    assert not (np.asarray(surface) == (0, 158, 115)).all(axis=2).any()  # no green mark of a generator
    assert plot(shared, alone, "losses.svg").status_code == 200


@pytest.mark.parametrize(
    "file", ["losses.pdf", "losses", "loss.png", "surface.PNG", "heatmap.png", ".png", "a.b.c.png"]
)
def test_unknown_plot_is_not_found_and_the_answer_names_those_that_there_are(
    shared: Client, article: Json, file: str
) -> None:
    content = problem(plot(shared, article, file), 404, "plot-not-found")
    assert all(name in content["detail"] for name in ("losses", "evolution", "surface", "png", "svg"))


def test_sweep_has_neither_plots_of_a_run_nor_its_script(shared: Client) -> None:
    sweep = shared.post("/sweeps", params={"wait": 20}, json={"base": {"iterations": 10}, "seeds": 2}).json()
    for path in (*(f"plots/{file}" for file in FILES), "script.py"):
        problem(shared.get(f"/jobs/{sweep['id']}/{path}"), 409, "wrong-kind")


def test_unknown_job_has_no_plots(shared: Client) -> None:
    problem(plot(shared, {"id": "none"}, "losses.png"), 404, "job-not-found")


@pytest.mark.parametrize("file", ["losses.png", "evolution.png", "surface.png"])
def test_job_that_has_not_begun_has_nothing_to_draw(client: Client, file: str) -> None:
    running = start_running(client)
    queued = start(client, **QUICK)
    problem(plot(client, queued, file), 409, "no-model")
    assert plot(client, running, file).status_code == 200
    client.post(f"/jobs/{queued['id']}/cancel")
    problem(plot(client, queued, file), 409, "no-model")


@pytest.mark.parametrize("settings", [{"pattern": "1"}, {"pattern": "0" * 16, "loss": "bce"}, {"iterations": 1}])
def test_any_job_can_be_drawn(shared: Client, settings: Json) -> None:
    job = train(shared, **QUICK | settings)
    assert {plot(shared, job, file).status_code for file in FILES} == {200}


def test_many_who_want_pictures_leave_room_for_others(server_url: str) -> None:
    with httpx.Client(base_url=server_url, timeout=60) as client, ThreadPoolExecutor(45) as pool:
        job = train(client, **QUICK)
        pictures = [pool.submit(plot, client, job, "evolution.png") for _ in range(45)]
        assert train(client, **QUICK)["status"] == "succeeded"
        assert not all(picture.done() for picture in pictures)
        assert len({picture.result().content for picture in pictures}) == 1
