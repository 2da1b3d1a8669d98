"""Command that shows the Dask cluster."""

from service.cli.connection import connected
from service.cli.options import AsJson, Url
from service.cli.output import cluster_card, print_response


def cluster(as_json: AsJson = False, url: Url = None) -> None:
    """Show the Dask cluster that trains sweeps: its scheduler and its workers."""
    with connected(url) as client:
        status = client.cluster()
    print_response(status, cluster_card, as_json=as_json)
