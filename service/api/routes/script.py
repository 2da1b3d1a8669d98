"""Export of a training as a PyTorch program."""

from fastapi import APIRouter, Request, Response

from gan1010.export.pytorch_script import pytorch_script
from service.api.dependencies import ExistingJob
from service.api.responses import conditional_response, ok
from service.api.route_classes import StrictRoute
from service.api.routes.job_responses import READ

router = APIRouter(route_class=StrictRoute, tags=["models"])

PYTHON = "text/x-python"
SCRIPT = ok(
    description="A program that trains with the job's settings and needs only torch",
    content={PYTHON: {"schema": {"type": "string"}}},
)


@router.get("/jobs/{job_id}/script.py", response_class=Response, responses=SCRIPT | READ)
def get_script(request: Request, job: ExistingJob) -> Response:
    """Download a training as a program in plain PyTorch."""
    headers = {"Content-Disposition": f'attachment; filename="gan1010-{job.id}.py"'}
    return conditional_response(request, Response(pytorch_script(job.train_config), headers=headers, media_type=PYTHON))
