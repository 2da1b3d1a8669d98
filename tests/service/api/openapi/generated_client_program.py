"""Program that uses the generated client: train, sample, score, download, delete."""

import sys

from gan1010_client import Client
from gan1010_client.api.inference import sample, score
from gan1010_client.api.models import download_model
from gan1010_client.api.sweeps import get_results, start_sweep
from gan1010_client.api.training import delete_job, get_job, start_training
from gan1010_client.api.watching import get_plot, get_progress
from gan1010_client.models import SampleRequest, ScoreRequest, SweepRequest, TrainRequest

with Client(base_url=sys.argv[1], raise_on_unexpected_status=True, timeout=60) as client:
    job = start_training.sync(client=client, body=TrainRequest(seed=1010, name="generated"), wait=30)
    assert job.status == "succeeded"
    assert (job.result.bits, job.config.loss) == ("1010", "mse")

    samples = sample.sync(client=client, body=SampleRequest(seeds=[0.5, 0.7], job_id=job.id))
    assert samples.bits == ["1010", "1010"]
    scores = score.sync(client=client, body=ScoreRequest(vectors=[[0.9, 0.1, 0.9, 0.1]], job_id=job.id))
    assert 0 < scores.scores[0] < 1

    assert len(get_progress.sync(job.id, client=client).series.iteration) == 2000
    assert get_plot.sync(job.id, "losses.png", client=client).payload.read().startswith(b"\x89PNG")
    assert len(download_model.sync(job.id, "generator.safetensors", client=client).payload.read()) > 100

    sweep = start_sweep.sync(client=client, body=SweepRequest.from_dict({"grid": {"loss": ["mse", "bce"]}}), wait=30)
    assert [cell.count for cell in get_results.sync(sweep.id, client=client).data] == [100, 100]

    assert delete_job.sync_detailed(job.id, client=client).status_code == 204
    assert get_job.sync(job.id, client=client).type_ == "/problems/job-not-found"
