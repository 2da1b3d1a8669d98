"""The job queue: the order of its tasks, and how workers wait in it."""

from concurrent.futures import ThreadPoolExecutor

from gan1010 import TrainConfig
from gan1010.sweeps.grid import SweepConfig
from service.job import new_job
from service.jobs.active_job import ActiveJob, ActiveSweep
from service.jobs.queue import JobQueue, ShardTask
from tests.support.contract import wait_until


def training(number: int) -> ActiveJob:
    return ActiveJob(new_job(f"{number:024x}", "article", TrainConfig(seed=1), None))


def sweep(number: int) -> ActiveSweep:
    return ActiveSweep(new_job(f"{number:024x}", "article", SweepConfig(seeds=2), None))


def test_trainings_come_before_shards_and_shards_before_other_sweeps() -> None:
    queue, trainings, sweeps = JobQueue(), [training(0), training(1)], [sweep(2), sweep(3)]
    for job in (sweeps[0], trainings[0], sweeps[1], trainings[1]):
        queue.put(job)
    assert [queue.get(), queue.get(), queue.get()] == [*trainings, sweeps[0]]
    sweeps[0].missing.extend([(0, 0), (1, 0)])
    sweeps[0].set_job(sweeps[0].job.with_status("running"))
    queue.put_shards(sweeps[0])
    assert queue.get() == ShardTask(sweeps[0], 0, 0)
    queue.put(trainings[0])
    assert queue.get_training() is trainings[0]
    assert queue.get_training() is None
    assert [queue.get(), queue.get()] == [ShardTask(sweeps[0], 1, 0), sweeps[1]]
    assert queue.get(timeout=0) is None


def test_tasks_for_the_cluster_are_given_out_by_itself_until_local_threads_take_over() -> None:
    queue, job, sweeps = JobQueue(), training(0), [sweep(1), sweep(2)]
    queue.trains_sweeps_locally = False
    for active in (*sweeps, job):
        queue.put(active)
    assert [queue.get(), queue.get(timeout=0)] == [job, None]
    assert [queue.get_shard(), queue.get_sweep()] == [None, sweeps[0]]
    sweeps[0].missing.extend([(0, 0), (1, 0)])
    sweeps[0].set_job(sweeps[0].job.with_status("running"))
    queue.put_shards(sweeps[0])
    assert queue.get_sweep() is None  # as long as a shard waits
    shards = [queue.get_shard(), queue.get_shard()]
    assert shards == [ShardTask(sweeps[0], 0, 0), ShardTask(sweeps[0], 1, 0)]
    for shard in shards:
        assert shard
        queue.put_back(shard)
    queue.trains_sweeps_locally = True
    assert queue.get_sweep() is None
    assert [queue.get(), queue.get(), queue.get()] == [shards[1], shards[0], sweeps[1]]
    sweeps[0].begin_generation()
    queue.put_back(ShardTask(sweeps[0], 0, 0))
    assert queue.get(timeout=0) is None


def test_workers_wait_until_there_is_a_task_or_the_queue_is_closed() -> None:
    queue, job = JobQueue(), training(1)
    with ThreadPoolExecutor(4) as pool:
        tasks = [pool.submit(queue.get) for _ in range(4)]
        queue.put(job)
        wait_until(lambda: any(task.done() for task in tasks))
        assert [task.result() for task in tasks if task.done()] == [job]
        queue.close()
    assert [task.result() for task in tasks].count(None) == 3
    queue.put(job)
    assert queue.get() is queue.get_training() is None
