"""A job as a program to take away."""

import pytest

from gan1010 import TrainConfig
from gan1010.export.pytorch_script import pytorch_script
from tests.support.clients import Client
from tests.support.contract import SHORT_JOB, check_problem, content_type, start_running_job, submit_job, train


@pytest.mark.parametrize(
    "settings", [{}, {"experiment": "discriminator"}, {"pattern": "110", "preset": "adam-orbit", "latent": "normal"}]
)
def test_script_is_that_of_the_jobs_settings(shared_client: Client, settings: dict[str, str]) -> None:
    job = train(shared_client, **SHORT_JOB | settings)
    answer = shared_client.get(f"/jobs/{job['id']}/script.py")
    config = {name: value for name, value in job["config"].items() if name not in ("preset", "name")}
    assert answer.text == pytorch_script(TrainConfig(**config))
    assert content_type(answer) == "text/x-python"
    assert answer.headers["content-disposition"] == f'attachment; filename="gan1010-{job["id"]}.py"'
    again = shared_client.get(answer.request.url, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_job_that_waits_has_its_script_already(client: Client) -> None:
    start_running_job(client)
    assert client.get(f"/jobs/{submit_job(client, **SHORT_JOB)['id']}/script.py").status_code == 200


def test_unknown_job_has_no_script(shared_client: Client) -> None:
    check_problem(shared_client.get("/jobs/none/script.py"), 404, "job-not-found")
