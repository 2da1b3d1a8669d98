"""The room that a clean stop keeps for the next start, on a disk that has become full between the two."""

from pathlib import Path

from tests.support.clients import running_server
from tests.support.contract import SHORT_JOB, check_problem, train
from tests.support.disks import fill_disk, small_disk


def test_process_that_stopped_cleanly_starts_on_a_disk_that_is_full_since(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "8m") as disk:
        data = disk / "data"
        with running_server(data, "--workers", "1") as (_, client):
            done = train(client, **SHORT_JOB)
        ballast = fill_disk(disk)
        for _ in range(2):  # and stops, and starts again
            with running_server(data, "--workers", "1") as (_, client):
                assert client.get("/sample").json()["job_id"] == done["id"]
                assert client.get(f"/jobs/{done['id']}/progress").status_code == 200
                for _ in range(200):
                    if (answer := client.post("/train", json=SHORT_JOB)).status_code != 202:
                        break
                check_problem(answer, 507, "disk-full")
            fill_disk(disk)
        ballast.unlink()
        with running_server(data, "--workers", "1") as (_, client):
            assert train(client, **SHORT_JOB)["status"] == "succeeded"


def test_reserve_is_gone_while_the_process_runs(tmp_path: Path) -> None:
    for _ in range(2):
        with running_server(tmp_path):
            assert not (tmp_path / "reserve").exists()
        kept = (tmp_path / "reserve").stat()
        assert kept.st_size == 65_536
        assert kept.st_blocks * 512 >= 65_536
