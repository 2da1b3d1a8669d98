"""Sabotages: changes for the worse to functions of our own, each with the test that must fail because of it."""

import contextlib
import functools
import importlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from types import FunctionType, SimpleNamespace
from typing import Any
from unittest.mock import ANY

import numpy as np

Function = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Sabotage:
    """A change to one function, and the test that must fail because of it."""

    name: str
    function: str  # "module:Class.method" or "module:function"
    change: Callable[[Any], Function]
    test: str

    def changed(self) -> tuple[Any, str, Function]:
        """Return the function's owner, its name there, and the changed function.

        Raises:
            AttributeError: the function or a global that the change replaces does not exist.
        """
        module, _, path = self.function.partition(":")
        *owners, name = path.split(".")
        owner: Any = functools.reduce(getattr, owners, importlib.import_module(module))
        return owner, name, self.change(getattr(owner, name))


def apply(name: str) -> None:
    """Apply the sabotage of this name."""
    (sabotage,) = (sabotage for sabotage in SABOTAGES if sabotage.name == name)
    setattr(*sabotage.changed())


def call(replacement: Function) -> Callable[[Any], Function]:
    """Call `replacement(original, *arguments)` instead of the original function."""

    def change(original: Any) -> Function:
        @functools.wraps(original)
        def sabotaged(*args: Any, **kwargs: Any) -> Any:
            return replacement(original, *args, **kwargs)

        return sabotaged

    return change


def rebind(**values: Any) -> Callable[[Any], Function]:
    """Run the original function with other values of some globals of its module."""

    def change(original: Any) -> Function:
        code = original.__code__
        for name in values.keys() - original.__globals__.keys():
            raise AttributeError(f"the module of {original.__qualname__} has no {name}")
        names, defaults = original.__globals__ | values, original.__defaults__
        sabotaged = FunctionType(code, names, original.__name__, defaults, original.__closure__)
        sabotaged.__kwdefaults__ = original.__kwdefaults__
        return sabotaged

    return change


def nothing(*_: object, **__: object) -> None:
    """Do nothing."""


def anything(*_: object) -> Any:
    """Return what equals everything."""
    return ANY


def first(value: Any, *_: object) -> Any:
    """Return the first argument."""
    return value


NO_CHECKPOINTS = {"FIRST_CHECKPOINT_SECONDS": 60, "CHECKPOINT_SECONDS": 60}
NO_LOCKS = SimpleNamespace(flock=nothing, LOCK_EX=0, LOCK_NB=0)


def _write_in_place(_: Function, file: Any, content: bytes) -> None:
    with file.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    folder = os.open(file.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _connect_without_fsync(original: Function, file: Any) -> Any:
    db = original(file)
    db.execute("PRAGMA synchronous = NORMAL")
    return db


def _add_late(original: Function, store: Any, *args: Any) -> None:
    if store.count():
        threading.Timer(0.3, original, (store, *args)).start()
    else:  # the first job keeps the only worker busy
        original(store, *args)


def _make_folders_at_once(original: Function, folder: Any) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    original(folder)


def _restart_generator_latents(original: Function, config: Any, settings: Any, start: int, count: int) -> Any:
    restarted = original(config, settings, 0, count).generator_latent
    return original(config, settings, start, count)._replace(generator_latent=restarted)


def _resume_late(original: Function, store: Any, job: Any) -> Any:
    progress = original(store, job)
    return replace(progress, iteration=progress.iteration + 1) if progress and progress.state else progress


def _resume_without_moments(original: Function, after: Any, state: Any, records: Any) -> None:
    original(after, state, records)
    state.discriminator_moments[...] = state.generator_moments[...] = 0


def _keep_model_file(original: Function, store: Any, job_id: str) -> None:
    content = store.model_file(job_id)
    original(store, job_id)
    if content:
        store._file(job_id).write_bytes(content)


def _ignore_failed_fsync(_: Function, descriptor: int, *tolerated: Any) -> None:
    with contextlib.suppress(OSError):
        os.fsync(descriptor)


def _ignore_errors(original: Function, db: Any, mode: str) -> None:
    with contextlib.suppress(Exception):
        rebind(_service_errors=contextlib.nullcontext)(original)(db, mode)


def _ignore_later_version(original: Function, db: Any) -> None:
    with contextlib.suppress(RuntimeError):
        original(db)


async def _respond_before_the_pause(original: Any, registry: Any, job_id: str, status: Any) -> Any:
    registry.request_stop(job_id, status)
    return original.__globals__["job_response"](registry.job(job_id).with_status(status))


# By the test that notices them: name, function, change.
CHANGES: dict[str, list[tuple[str, str, Callable[[Any], Function]]]] = {
    "tests/service/storage/test_write_order.py::test_model_file_is_on_disk_before_its_row_and_the_response": [
        ("a model's file is not fsynced", "service.storage.durable_files:write_file", rebind(fsync=nothing)),
        ("a model's folder is not fsynced", "service.storage.durable_files:write_file", rebind(sync_folder=nothing)),
        ("a model's file has no temporary name", "service.storage.durable_files:write_file", call(_write_in_place)),
    ],
    "tests/service/storage/test_write_order.py::test_job_is_on_disk_before_it_is_acknowledged": [
        ("commits are not fsynced", "service.storage.database:_connect", call(_connect_without_fsync)),
        (
            "a job is acknowledged before its commit",
            "service.storage.store:Store.add",
            call(_add_late),
        ),
    ],
    "tests/service/storage/test_disk_failures.py::test_failed_fsync_ends_the_process": [
        ("a failed fsync is ignored", "service.storage.durable_files:fsync", call(_ignore_failed_fsync)),
        ("a failed copy of the log is ignored", "service.storage.database:Database._copy_log", call(_ignore_errors)),
    ],
    "tests/service/storage/test_disk_failures.py::test_failed_fsync_of_the_database_ends_a_clean_stop": [
        (
            "SQLite copies the log at the end",
            "service.storage.database:Database._copy_log",
            call(lambda original, db, how: None if how == "TRUNCATE" else original(db, how)),
        ),
    ],
    "tests/service/storage/test_write_order.py::test_log_has_its_name_on_disk_before_the_process_is_ready": [
        ("the log's name is not fsynced", "service.storage.database:Database.__init__", rebind(sync_folder=nothing)),
    ],
    "tests/service/storage/test_write_order.py::test_each_new_folder_has_its_name_on_disk": [
        (
            "names of outer folders are not fsynced",
            "service.storage.durable_files:make_folder",
            call(_make_folders_at_once),
        ),
    ],
    "tests/service/storage/test_disk_failures.py::test_model_is_not_damaged_when_descriptors_or_memory_run_out": [
        ("an unreadable file counts as damaged", "service.storage.store:Store.model_file", rebind(RESOURCE_ERRNOS=())),
    ],
    "tests/service/storage/test_damage.py::test_intact_file_of_another_model_is_damaged": [
        ("a file's checksum is not compared", "service.storage.store:read_model", rebind(verify=first)),
    ],
    "tests/service/storage/test_damage.py::test_damaged_arrays_are_refused_by_every_reader": [
        ("a blob's checksum is not compared", "service.storage.checksums:verify", call(lambda _, blob, *keys: blob)),
    ],
    "tests/service/storage/test_damage.py::test_job_whose_columns_do_not_match_its_document_is_damaged": [
        ("a job's columns are not compared", "service.storage.store:parse_job", rebind(_indexed_values=anything)),
    ],
    "tests/gan1010/test_model_file.py::test_flipped_bit_anywhere_is_noticed": [
        ("the checksum inside a file is not compared", "gan1010.model_file:load", rebind(_metadata=anything)),
    ],
    "tests/gan1010/test_model_file.py::test_invalid_file_is_rejected_with_the_reason": [
        ("NaN weights load", "gan1010.model_file:_weights", rebind(np=SimpleNamespace(isfinite=np.ones_like))),
    ],
    "tests/gan1010/test_training.py::test_resumed_run_has_the_same_bits": [
        ("a resumed run restarts one random stream", "gan1010.kernel_inputs:draws", call(_restart_generator_latents)),
        ("a resumed run loses the optimiser's state", "gan1010.training:_restore", call(_resume_without_moments)),
    ],
    "tests/service/jobs/test_crash_recovery.py::test_job_interrupted_again_and_again_ends_with_the_same_bits": [
        ("a job resumes one iteration late", "service.storage.runs:RunStore.progress", call(_resume_late)),
    ],
    "tests/service/jobs/test_pause_and_cancel.py::test_resumed_run_has_the_same_weights": [
        (
            "a restart forgets paused jobs",
            "service.storage.store:Store.unfinished_jobs",
            call(lambda original, store: [job for job in original(store) if job.status != "paused"]),
        ),
    ],
    "tests/service/jobs/test_crash_recovery.py::test_running_job_persists_two_checkpoints_a_second[training]": [
        ("a training has no checkpoints", "service.jobs.worker:WorkerPool._train", rebind(**NO_CHECKPOINTS)),
    ],
    "tests/service/jobs/test_crash_recovery.py::test_running_job_persists_two_checkpoints_a_second[shard]": [
        ("a shard has no checkpoints", "service.jobs.worker:WorkerPool._train_shard", rebind(**NO_CHECKPOINTS)),
    ],
    "tests/service/server/test_connection.py::test_connection_with_an_unread_response_is_closed": [
        (
            "unread connections stay open",
            "service.server.connection:HttpConnection.close_if_late",
            rebind(limits=SimpleNamespace(WRITE_SECONDS=600)),
        ),
    ],
    "tests/service/server/test_connection.py::test_slow_connections_are_closed_while_others_are_served": [
        ("silent connections stay open", "service.server.connection:HttpConnection.close_if_late", call(nothing)),
    ],
    "tests/service/jobs/test_crash_recovery.py::test_job_that_crashes_before_every_checkpoint_fails": [
        (
            "a job is retried after any number of crashes",
            "service.jobs.registry:Registry._requeue_crashed",
            call(lambda original, registry, job: original(registry, replace(job, attempts=-1))),
        ),
    ],
    "tests/service/jobs/test_crash_recovery.py::test_interrupted_shard_resumes_from_its_checkpoint": [
        ("an interrupted shard restarts", "service.jobs.sweep_runs:SweepRuns.load_checkpoint", call(nothing)),
    ],
    "tests/service/api/routes/test_training.py::test_same_key_and_body_give_the_same_job": [
        (
            "an idempotency key is not persisted",
            "service.storage.store:Store.add",
            call(lambda original, store, job, key, request: original(store, job, None, request)),
        ),
    ],
    "tests/service/storage/test_store.py::test_deleted_job_leaves_nothing": [
        ("a deleted job's model stays", "service.storage.store:Store.delete", call(_keep_model_file)),
    ],
    "tests/service/storage/test_store.py::test_second_process_on_a_folder_exits": [
        ("two processes share a data folder", "service.storage.data_folder:lock_folder", rebind(fcntl=NO_LOCKS)),
    ],
    "tests/service/storage/test_migrations.py::test_store_of_another_version_is_refused_and_not_changed": [
        ("a store of a later version is opened", "service.storage.database:migrate", call(_ignore_later_version)),
    ],
    "tests/service/jobs/test_pause_and_cancel.py::test_change_is_on_disk_when_it_is_acknowledged": [
        ("a pause is acknowledged early", "service.api.routes.jobs:_stop_and_wait", call(_respond_before_the_pause)),
    ],
    "tests/service/api/routes/test_training.py::test_full_queue_refuses_and_keeps_nothing": [
        ("the queue has no limit", "service.jobs.registry:Registry._check_room", call(nothing)),
    ],
    "tests/service/api/middleware/test_access_control.py::test_keys_are_compared_in_constant_time": [
        (
            "keys are compared with ==",
            "service.api_keys:ApiKeys.name_of",
            call(lambda _, keys, key: next((n for n, d in keys._digests.items() if d == sha256(key).digest()), None)),
        ),
    ],
    "tests/service/api/middleware/test_access_control.py::test_every_route_needs_a_key": [
        (
            "OPTIONS requests need no API key",
            "service.api.middleware.access_control:AccessControlMiddleware._check",
            call(lambda original, access, scope: scope["method"] == "OPTIONS" or original(access, scope)),
        ),
    ],
    "tests/service/api/middleware/test_access_control.py::test_every_route_refuses_another_host": [
        (
            "every Host is allowed",
            "service.api.middleware.access_control:AccessControlMiddleware._is_allowed_host",
            call(lambda *_: True),
        ),
    ],
    "tests/service/api/middleware/test_access_control.py::test_every_route_refuses_cross_origin_requests": [
        (
            "pages of other sites may read",
            "service.api.middleware.access_control:_is_cross_origin",
            call(lambda original, scope, headers: scope["method"] != "GET" and original(scope, headers)),
        ),
    ],
    "tests/service/api/test_problems.py::test_too_large_body_is_refused": [
        (
            "a chunked body has no limit",
            "service.api.middleware.body_limit:BodyLimitMiddleware._counted",
            call(lambda _, middleware, receive: receive),
        ),
    ],
    "tests/service/telemetry/test_logs.py::test_nothing_that_a_client_sends_is_logged_or_returned": [
        (
            "an error repeats what the client sent",
            "service.api.error_handlers:_mistake",
            call(lambda original, error: original(error) | {"msg": f"{error.get('input')}"}),
        ),
    ],
}
SABOTAGES = [
    Sabotage(name=name, function=function, change=change, test=test)
    for test, changes in CHANGES.items()
    for name, function, change in changes
]
