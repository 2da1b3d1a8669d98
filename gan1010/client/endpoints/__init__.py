"""Endpoints: one method for each, which both clients have.

A method builds the request and says how to parse the response; `Client` and `AsyncClient` send it.
"""

from gan1010.client.endpoints.inference import InferenceEndpoints
from gan1010.client.endpoints.jobs import JobEndpoints
from gan1010.client.endpoints.operations import OperationEndpoints
from gan1010.client.endpoints.sweeps import SweepEndpoints


class Endpoints(JobEndpoints, SweepEndpoints, InferenceEndpoints, OperationEndpoints):
    """The methods of both clients; those of `AsyncClient` are awaited."""
