"""The runner: threads that take the queued jobs, oldest first, and train them beside the event loop."""

import logging
import threading

import numpy as np

from gan1010 import DivergedError, TrainConfig, run, train
from service.jobs import JobError
from service.registry import LiveJob, Registry

log = logging.getLogger("gan1010.runner")


def compile_kernel() -> None:
    """Have every compiled function ready: milliseconds from the cache on disk, seconds on a machine's first start."""
    for latent in ("constant", "normal"):
        model = train(TrainConfig(iterations=1, latent=latent)).model()
    model.score(model.sample(np.zeros(1, np.float32)))


class Runner:
    """So many threads; `stop` leaves unfinished jobs as they are on disk, for the next start."""

    def __init__(self, registry: Registry, workers: int) -> None:
        self._registry = registry
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._work, name=f"training-{number}", daemon=True) for number in range(workers)
        ]

    def start(self) -> None:
        """Begin with the oldest queued job."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads, at the next look that each takes at its run."""
        self._stopping = True
        for _ in self._threads:
            self._registry.queue.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (live := self._registry.queue.get()) is not None and not self._stopping:
            try:
                if self._registry.begin(live):
                    self._train(live)
            except Exception:
                log.exception("job %s: its state could not be kept", live.job.id)

    def _train(self, live: LiveJob) -> None:
        try:
            for progress in run(live.job.config):
                live.progress = progress
                if self._stopping and progress.result is None:
                    return
                if live.cancel_requested and progress.result is None:
                    self._registry.end(live, "cancelled")
                    return
        except DivergedError as error:
            self._registry.end(live, "failed", JobError(type="diverged", detail=str(error)))
        except Exception as error:
            log.exception("job %s failed", live.job.id)
            detail = f"{type(error).__name__} while training; the service's log has the rest"
            self._registry.end(live, "failed", JobError(type="internal-error", detail=detail))
        else:
            self._registry.end(live, "succeeded")
