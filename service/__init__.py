"""The service: train, watch, sample and score GANs over HTTP.

A request passes these rooms from top to bottom; imports point down this list only:

cli/          the command line
server/       the process: uvicorn, connections with timeouts, signals
app.py        `create_app(settings)`: the only place that connects the parts
api/          HTTP: routes, inference, middleware, schemas, problems, OpenAPI
jobs/         the job registry, its queue and its worker threads
storage/      persistence in SQLite and files
telemetry/    logs and metrics
job.py, job_search.py, errors.py, settings.py, api_keys.py, retention.py
              the vocabulary that all of the above may import
page/         the web page's files, served as they are

The training itself is in the package `gan1010`, which knows nothing of the service.
"""
