"""Plots of jobs and heat maps of sweeps."""

import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import httpx
import numpy as np
import pytest
from PIL import Image

from gan1010 import plots
from tests.support.clients import Client
from tests.support.contract import (
    SHORT_JOB,
    Json,
    check_problem,
    content_type,
    run_sweep,
    start_running_job,
    submit_job,
    train,
)

FILES = [f"{plot}.{format}" for plot in ("losses", "evolution", "surface") for format in ("png", "svg")]


def plot(client: httpx.Client, job: Json, file: str, **parameters: int) -> httpx.Response:
    return client.get(f"/jobs/{job['id']}/plots/{file}", params=parameters)


@pytest.fixture(scope="module")
def swept(shared_client: Client) -> Json:
    """A finished sweep of six cells."""
    grid = {"loss": ["mse", "bce"], "learning_rate": [0.01, 0.1, 0.3]}
    return run_sweep(shared_client, base={"iterations": 500}, grid=grid, seeds=4)


@pytest.mark.parametrize("file", FILES)
def test_plot_is_an_image_of_its_format(shared_client: Client, article_job: Json, file: str) -> None:
    response = plot(shared_client, article_job, file)
    assert response.status_code == 200
    if file.endswith("png"):
        assert content_type(response) == "image/png"
        width, height = Image.open(BytesIO(response.content)).size
        assert width > height > 400
    else:
        assert content_type(response) == "image/svg+xml"
        assert ET.fromstring(response.text).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314, our own bytes


def test_plots_show_the_job(shared_client: Client, article_job: Json) -> None:
    path = f"/jobs/{article_job['id']}"
    series = shared_client.get(f"{path}/progress").json()["series"]
    snapshots = shared_client.get(f"{path}/snapshots").json()
    plane = plots.plane("1010").tolist()
    snapshot: Json = {"job_id": article_job["id"], "iteration": 5000}
    scores = shared_client.post("/score", json={"vectors": plane, **snapshot}).json()["scores"]
    sample = shared_client.get("/sample", params=snapshot).json()["samples"][0]
    assert plot(shared_client, article_job, "losses.png").content == plots.losses(series)
    evolution = plots.evolution(snapshots["samples"], snapshots["iterations"], pattern="1010")
    assert plot(shared_client, article_job, "evolution.png").content == evolution
    surface = plots.surface(scores, pattern="1010", spread=0.2, sample=sample, moment="after 5,000 iterations")
    assert plot(shared_client, article_job, "surface.png", iteration=5000).content == surface


def test_surface_of_any_snapshot(shared_client: Client, article_job: Json) -> None:
    images = [plot(shared_client, article_job, "surface.png", iteration=at).content for at in (0, 5000, 10_000)]
    assert len(set(images)) == 3
    assert images[2] == plot(shared_client, article_job, "surface.png").content
    content = check_problem(plot(shared_client, article_job, "surface.png", iteration=150), 422, "no-such-snapshot")
    assert "100, 200" in content["detail"]


@pytest.mark.parametrize("file", ["losses.png", "evolution.svg"])
def test_only_the_surface_has_an_iteration(shared_client: Client, article_job: Json, file: str) -> None:
    check_problem(plot(shared_client, article_job, file, iteration=100), 422, "invalid-input")


def test_discriminator_experiment_has_losses_and_a_surface(shared_client: Client, discriminator_job: Json) -> None:
    check_problem(plot(shared_client, discriminator_job, "evolution.png"), 409, "no-generator")
    surface = Image.open(BytesIO(plot(shared_client, discriminator_job, "surface.png").content)).convert("RGB")
    assert not (np.asarray(surface) == (0, 158, 115)).all(axis=2).any()  # no green mark of a generator
    assert plot(shared_client, discriminator_job, "losses.svg").status_code == 200


@pytest.mark.parametrize(
    "file", ["losses.pdf", "losses", "loss.png", "surface.PNG", "heatmap.png", ".png", "a.b.c.png"]
)
def test_unknown_plot_is_not_found(shared_client: Client, article_job: Json, file: str) -> None:
    content = check_problem(plot(shared_client, article_job, file), 404, "plot-not-found")
    assert all(name in content["detail"] for name in ("losses", "evolution", "surface", "png", "svg"))


def test_sweep_has_no_job_plots_and_no_script(shared_client: Client, swept: Json) -> None:
    for path in (*(f"plots/{file}" for file in FILES), "script.py"):
        check_problem(shared_client.get(f"/jobs/{swept['id']}/{path}"), 409, "wrong-kind")


@pytest.mark.parametrize("file", ["losses.png", "evolution.png", "surface.png"])
def test_queued_job_has_no_plots(client: Client, file: str) -> None:
    running = start_running_job(client)
    queued = submit_job(client, **SHORT_JOB)
    check_problem(plot(client, queued, file), 409, "no-model")
    assert plot(client, running, file).status_code == 200
    client.post(f"/jobs/{queued['id']}/cancel")
    check_problem(plot(client, queued, file), 409, "no-model")


def test_plots_do_not_block_other_requests(server_client: httpx.Client) -> None:
    with ThreadPoolExecutor(45) as pool:
        job = train(server_client, **SHORT_JOB)
        images = [pool.submit(plot, server_client, job, "evolution.png") for _ in range(45)]
        assert train(server_client, **SHORT_JOB)["status"] == "succeeded"
        assert not all(image.done() for image in images)
        assert len({image.result().content for image in images}) == 1


@pytest.mark.parametrize(
    "query",
    ["", "?x=learning_rate&y=loss", "?x=loss&y=learning_rate&value=settled_at_p50", "?y=loss&value=generator_loss",
     "?x=hidden_size&value=bits_rate"],
)  # fmt: skip
def test_heat_map_is_an_image_of_its_format(shared_client: Client, swept: Json, query: str) -> None:
    for format, kind, start in (("png", "image/png", b"\x89PNG"), ("svg", "image/svg+xml", b"<?xml")):
        response = shared_client.get(f"/sweeps/{swept['id']}/plots/heatmap.{format}{query}")
        assert (response.status_code, content_type(response)) == (200, kind)
        assert response.content.startswith(start)


def test_invalid_heat_maps_are_refused(shared_client: Client, swept: Json, article_job: Json) -> None:
    url = f"/sweeps/{swept['id']}/plots"
    for query, name in {"x=seed": "x", "y=nothing": "y", "x=loss&y=loss": "y", "value=count": "value"}.items():
        content = check_problem(shared_client.get(f"{url}/heatmap.png?{query}"), 422, "invalid-input")
        assert content["errors"][0]["loc"] == ["query", name]
    check_problem(shared_client.get(f"{url}/heatmap.gif"), 404, "plot-not-found")
    check_problem(shared_client.get(f"{url}/losses.png"), 404, "plot-not-found")
    check_problem(shared_client.get(f"/sweeps/{article_job['id']}/plots/heatmap.png"), 409, "wrong-kind")
    wide = run_sweep(shared_client, base={"iterations": 1}, grid={"spread": [0.1] * 1001}, seeds=1)
    content = check_problem(shared_client.get(f"/sweeps/{wide['id']}/plots/heatmap.png"), 422)
    assert "1,001" in content["detail"]
