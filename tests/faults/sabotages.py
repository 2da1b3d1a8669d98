"""Sabotages of our own code: each a small replacement, and the test that must notice it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Sabotage:
    """What is done to the code: `old`, which is there once, becomes `new`; and the test that has to fail then."""

    what: str
    file: str
    old: str
    new: str
    test: str


RUNS = "tests/gan1010/test_training.py"
DISK, FSYNCS = "tests/service/storage/test_disk.py", "tests/service/storage/test_fsyncs.py"
ORDER = "tests/service/storage/test_write_order.py"
SWEEPS = "tests/service/jobs/test_sweep_restart.py"
SECURITY, CRASHES = "tests/service/api/middleware/test_access_control.py", "tests/service/jobs/test_recovery.py"

SABOTAGES = (
    Sabotage(
        what="no fsync of a model's file",
        file="service/storage/durable_files.py",
        old="            fsync(out.fileno())\n",
        new="",
        test=f"{ORDER}::test_model_is_whole_on_disk_before_its_row_and_that_before_the_answer",
    ),
    Sabotage(
        what="no fsync of its folder",
        file="service/storage/durable_files.py",
        old="    sync_folder(file.parent)\n",
        new="",
        test=f"{ORDER}::test_model_is_whole_on_disk_before_its_row_and_that_before_the_answer",
    ),
    Sabotage(
        what="a model is written under its own name at once",
        file="service/storage/durable_files.py",
        old='    temporary = file.with_suffix(".tmp")\n',
        new="    temporary = file\n",
        test=f"{ORDER}::test_model_is_whole_on_disk_before_its_row_and_that_before_the_answer",
    ),
    Sabotage(
        what="the log of the database is not fsynced at each commit",
        file="service/storage/database.py",
        old="PRAGMA synchronous = FULL;",
        new="PRAGMA synchronous = NORMAL;",
        test=f"{ORDER}::test_job_is_on_disk_before_it_is_acknowledged",
    ),
    Sabotage(
        what="the answer comes before the commit",
        file="service/jobs/registry.py",
        old="            self._store.add(job, key, request)\n",
        new="            threading.Timer(0.3, self._store.add, (job, key, request)).start()\n",
        test=f"{ORDER}::test_job_is_on_disk_before_it_is_acknowledged",
    ),
    Sabotage(
        what="a failed fsync is passed over",
        file="service/storage/durable_files.py",
        old="        os.fsync(descriptor)\n    except OSError as error:\n        exit_after_failed_fsync(error)\n",
        new="        os.fsync(descriptor)\n    except OSError:\n        log.warning('once more')\n",
        test=f"{DISK}::test_failed_fsync_ends_the_process_and_the_next_start_is_clean",
    ),
    Sabotage(
        what="a failed fsync is passed over where a long log is copied into the file",
        file="service/storage/database.py",
        old="        with contextlib.suppress(DiskFullError, StorageFailedError), _service_errors():",
        new="        with contextlib.suppress(sqlite3.Error):",
        test=f"{FSYNCS}::test_of_the_database_when_a_long_log_is_copied_into_it",
    ),
    Sabotage(
        what="SQLite closes its file as it likes",
        file="service/storage/database.py",
        old='            self._copy_log("TRUNCATE")\n',
        new="",
        test=f"{FSYNCS}::test_of_the_database_at_a_clean_stop",
    ),
    Sabotage(
        what="the log's name is left to SQLite to be made durable",
        file="service/storage/database.py",
        old="        sync_folder(file.absolute().parent)\n",
        new="",
        test=f"{ORDER}::test_log_has_its_name_on_disk_before_the_process_is_ready",
    ),
    Sabotage(
        what="only the last folder that is made has its name on disk",
        file="service/storage/durable_files.py",
        old="        make_folder(folder.parent)\n        folder.mkdir(exist_ok=True)\n",
        new="        folder.mkdir(parents=True, exist_ok=True)\n",
        test=f"{ORDER}::test_each_folder_that_is_made_has_its_name_on_disk",
    ),
    Sabotage(
        what="no room is kept for the next start",
        file="service/storage/database.py",
        old="            self._reserve.write_bytes(os.urandom(RESERVE_BYTES))",
        new="            self._reserve.write_bytes(b'')",
        test="tests/service/storage/test_reserve.py::test_process_that_stopped_cleanly_starts_on_a_disk_that_is_full_since",
    ),
    Sabotage(
        what="a file that cannot be read for now is taken for damaged",
        file="service/storage/store.py",
        old="            if error.errno in RESOURCE_ERRNOS:\n",
        new="            if not error.errno:\n",
        test="tests/service/storage/test_resource_errors.py::test_model_that_cannot_be_read_for_now_is_not_damaged",
    ),
    Sabotage(
        what="no look at a file's digest",
        file="service/storage/store.py",
        old="verify(file.read(size + 1), digest)",
        new="file.read(size + 1)",
        test=f"{DISK}::test_sound_file_of_another_model_is_damage",
    ),
    Sabotage(
        what="no look at a blob's digest",
        file="service/storage/checksums.py",
        old="    if checksum(blob, *keys) != digest:\n",
        new="    if not digest:\n",
        test="tests/service/storage/test_damaged_rows.py::test_damaged_history_is_refused_by_all_that_read_it_and_others_work",
    ),
    Sabotage(
        what="no look at what a row has beside its job",
        file="service/storage/store.py",
        old="        if _indexed_values(job) != tuple(indexed):\n",
        new="        if not indexed:\n",
        test="tests/service/storage/test_damaged_rows.py::test_job_whose_row_says_something_else_than_the_job_can_be_forgotten",
    ),
    Sabotage(
        what="no look at the digest inside a file",
        file="gan1010/export/safetensors.py",
        old="    if metadata != _metadata(model):\n",
        new="    if not metadata:\n",
        test="tests/gan1010/export/test_safetensors.py::test_a_flipped_bit_anywhere_is_noticed",
    ),
    Sabotage(
        what="NaN for weights is taken",
        file="gan1010/export/safetensors.py",
        old="        if not np.isfinite(weights).all():\n",
        new="        if weights.size == 0:\n",
        test="tests/gan1010/export/test_safetensors.py::test_what_is_no_model_file_is_refused_with_the_reason",
    ),
    Sabotage(
        what="one random stream begins anew where a run goes on",
        file="gan1010/kernel_inputs.py",
        old="random_draws.latents(config.latent, varying.seed, random_draws.GENERATOR_LATENT, start, count)",
        new="random_draws.latents(config.latent, varying.seed, random_draws.GENERATOR_LATENT, 0, count)",
        test=f"{RUNS}::test_a_run_that_was_left_ends_with_the_very_same_bits",
    ),
    Sabotage(
        what="a run goes on one iteration late",
        file="service/storage/runs.py",
        old="iteration=checkpoint[-1], state=",
        new="iteration=checkpoint[-1] + 1, state=",
        test=f"{CRASHES}::test_run_interrupted_three_times_ends_with_the_bits_of_an_undisturbed_one",
    ),
    Sabotage(
        what="the optimiser's state is not part of a checkpoint",
        file="gan1010/training.py",
        old="    for name in kernel.State._fields:\n",
        new='    for name in ("discriminator", "generator", "totals", "settled"):\n',
        test=f"{RUNS}::test_a_run_that_was_left_ends_with_the_very_same_bits",
    ),
    Sabotage(
        what="paused jobs are forgotten at a restart",
        file="service/storage/store.py",
        old="if status not in ENDED]",
        new='if status not in {*ENDED, "paused"}]',
        test="tests/service/jobs/test_pausing.py::test_paused_and_resumed_run_ends_with_the_bits_of_an_undisturbed_one",
    ),
    Sabotage(
        what="no checkpoints",
        file="service/jobs/worker.py",
        old="                if time.monotonic() >= due:",
        new="                if time.monotonic() >= 60 * due:",
        test=f"{CRASHES}::test_running_job_leaves_a_checkpoint_every_second",
    ),
    Sabotage(
        what="who takes in nothing keeps the connection",
        file="service/server/connection.py",
        old="        if now - self._last_read > WRITE_SECONDS:\n",
        new="        if now - self._last_read > 60 * WRITE_SECONDS:\n",
        test="tests/service/server/test_connection.py::test_connections_whose_answers_nobody_takes_in_are_closed",
    ),
    Sabotage(
        what="no checkpoints of shards",
        file="service/jobs/worker.py",
        old="if stops or time.monotonic() >= due",
        new="if stops",
        test=f"{SWEEPS}::test_running_shard_that_takes_long_leaves_a_checkpoint_every_second",
    ),
    Sabotage(
        what="crash attempts are not counted",
        file="service/jobs/recovery.py",
        old="attempts=job.attempts + 1",
        new="attempts=0",
        test=f"{CRASHES}::test_job_that_takes_the_process_down_is_poison_and_the_rest_goes_on",
    ),
    Sabotage(
        what="a sweep's shard that was left begins anew",
        file="service/jobs/sweep_runs.py",
        old="            return self._store.sweeps.shard_checkpoint(sweep.job.id, number)\n",
        new="            return None\n",
        test="tests/service/jobs/test_sweep_restart.py::test_shard_that_takes_long_goes_on_where_it_was_left",
    ),
    Sabotage(
        what="an idempotency key is not kept",
        file="service/storage/store.py",
        old="            if key is not None:\n",
        new='            if key == "":\n',
        test="tests/service/api/routes/test_training.py::test_same_key_and_body_give_the_same_job",
    ),
    Sabotage(
        what="a deleted job's model stays",
        file="service/storage/store.py",
        old="            self._file(job_id).unlink(missing_ok=True)\n",
        new="            self._file(job_id)\n",
        test="tests/service/storage/test_store.py::test_deleted_job_leaves_nothing",
    ),
    Sabotage(
        what="two processes may share a folder",
        file="service/storage/store.py",
        old="            fcntl.flock(self._folder_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        new="            fcntl.flock(self._folder_lock, fcntl.LOCK_SH | fcntl.LOCK_NB)\n",
        test=f"{DISK}::test_second_process_on_a_folder_says_why_it_does_not_start",
    ),
    Sabotage(
        what="a store of a later version is opened",
        file="service/storage/migrations.py",
        old="    if version > newest:\n",
        new="    if version > newest + 1:\n",
        test="tests/service/storage/test_migrations.py::test_store_of_another_version_is_refused_and_not_changed",
    ),
    Sabotage(
        what="a pause is told before it has come",
        file="service/api/routes/jobs.py",
        old='        while found.job.status == "running" and found.requested_status and not found.over.done():\n',
        new="        while not found.requested_status:\n",
        test="tests/service/jobs/test_pausing.py::test_change_is_on_disk_when_it_is_told",
    ),
    Sabotage(
        what="the queue has no end",
        file="service/jobs/registry.py",
        old="        if len(self._queued) >= self._queue_size:\n",
        new="        if len(self._queued) < 0:\n",
        test="tests/service/api/routes/test_training.py::test_full_queue_refuses_and_keeps_nothing",
    ),
    Sabotage(
        what="keys are compared with ==",
        file="service/api_keys.py",
        old="            if hmac.compare_digest(digest, known):\n",
        new="            if digest == known:\n",
        test=f"{SECURITY}::test_keys_are_compared_in_constant_time",
    ),
    Sabotage(
        what="no key is asked for with OPTIONS",
        file="service/api/middleware/access_control.py",
        old='if scope["key"] is None and scope["path"] not in PUBLIC_PATHS:',
        new='if scope["key"] is None and scope["path"] not in PUBLIC_PATHS and scope["method"] != "OPTIONS":',
        test=f"{SECURITY}::test_without_a_right_key_no_route_lets_anybody_in",
    ),
    Sabotage(
        what="no look at the host's name",
        file="service/api/middleware/access_control.py",
        old='if self._hosts is not None and not self._is_allowed(headers.get(b"host", b"")):',
        new="if not headers:",
        test=f"{SECURITY}::test_addressed_to_another_name_no_route_lets_anybody_in",
    ),
    Sabotage(
        what="other sites' pages may read",
        file="service/api/middleware/access_control.py",
        old="        if _is_cross_origin(scope, headers):\n",
        new='        if scope["method"] != "GET" and _is_cross_origin(scope, headers):\n',
        test=f"{SECURITY}::test_pages_of_other_origins_get_in_nowhere",
    ),
    Sabotage(
        what="a body in chunks has no limit",
        file="service/api/middleware/body_limit.py",
        old="if was_within and size > self._max_bytes:",
        new="if not self._max_bytes:",
        test="tests/service/api/test_problems.py::test_too_large_a_body_is_refused",
    ),
    Sabotage(
        what="a silent connection is never closed",
        file="service/server/connection.py",
        old="        elif self._deadline is not None and now > self._due:\n",
        new="        elif self._deadline is not None and now < 0:\n",
        test="tests/service/server/test_connection.py::test_silent_and_trickling_connections_are_closed_while_others_are_served",
    ),
    Sabotage(
        what="a mistake is told with what was sent",
        file="service/api/error_handlers.py",
        old='"msg": "there is no such field" if is_unknown else error["msg"]',
        new='"msg": "there is no such field" if is_unknown else f"{error[\'msg\']}: {error.get(\'input\')}"',
        test="tests/service/telemetry/test_logs.py::test_nothing_that_a_client_sends_is_in_the_log_or_comes_back",
    ),
)
