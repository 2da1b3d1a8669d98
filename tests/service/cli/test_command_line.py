"""Command line as a whole: help, imports, completion, errors."""

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from tests.service.cli.commands import GAN1010, invoke, output_of, run_process
from tests.support.contract import Json, train

COMMANDS = {
    "serve", "demo", "train", "sweep", "presets", "jobs", "show", "watch", "pause", "resume", "cancel", "delete",
    "prune", "backup", "restore", "check", "sample", "score", "plot", "export", "verify",
}  # fmt: skip
SLOW_IMPORTS = {"torch", "numba", "numpy", "matplotlib", "fastapi", "uvicorn", "httpx", "pydantic", "distributed"}
WITH_JSON = COMMANDS - {"serve", "demo", "delete", "backup", "restore", "check", "plot", "export"}


def test_help_lists_the_commands_without_slow_imports() -> None:
    program = (
        f"import sys; from service.cli import main\ntry: main()\nfinally: print({SLOW_IMPORTS} & {{*sys.modules}})"
    )
    lines = subprocess.check_output([sys.executable, "-c", program, "--help"], text=True).splitlines()
    assert {line.strip("│ ").partition(" ")[0] for line in lines} >= COMMANDS
    assert lines[-1] == "set()"


def test_version_is_printed() -> None:
    assert output_of("--version") == f"gan1010 {version('gan1010')}\n"


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_command_has_help(command: str) -> None:
    output = output_of(command, "--help")
    assert f"gan1010 {command}" in output or f"root {command}" in output
    assert ("--json" in output) == (command in WITH_JSON)


def test_commands_for_a_service_do_not_load_torch() -> None:
    program = "import sys; import service.cli.progress, service.cli.files; print({'torch', 'numba'} & {*sys.modules})"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "set()\n"


@pytest.mark.parametrize(
    ("words", "completions"),
    [("gan1010 wa", ["watch"]), ("gan1010 train --lat", ["--latent", "--latent-value"])],
)
def test_shell_completion(tmp_path: Path, words: str, completions: list[str]) -> None:
    variables = {"_GAN1010_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    assert run_process(GAN1010, tmp_path, **variables).stdout.split() == completions


@pytest.fixture(scope="module")
def job(server_client: httpx.Client) -> Json:
    return train(server_client, iterations=2000)


def test_variable_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    jobs = run_process([*GAN1010, "jobs", "--url", "http://gan.example"], tmp_path, ALL_PROXY="socks5://user:secret@h")
    assert (jobs.returncode, jobs.stdout) == (2, "")
    assert re.fullmatch("gan1010: ALL_PROXY .* socksio.*\n", jobs.stderr)


UNREACHABLE = ["http://127.0.0.1:9", "gan1010 serve"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("train --loss mae", 2, ["'mae'", "'mse', 'bce'"]),
        *((f"{command} --learning-rate {value}", 2, ["--learning-rate must be", value]) for command in
          ("train", "train --local", "sweep") for value in ("11.0", "nan", "inf", "-inf")),
        *((f"train {local}--seed {value}", 2, ["--seed must be", value]) for local in ("", "--local ")
          for value in ("-1", str(2**53))),
        *((f"sweep {option} {value}", 2, [f"{option} must be", value]) for option in ("--seeds", "--first-seed")
          for value in ("-1", str(2**53))),
        ("sweep --grid loss=mse,bce --seeds 600000", 2, ["--grid must make at most 1,000,000", "1200000"]),
        ("train --iterations 3000000 --record-every 5", 2, ["--record-every must be at least 15"]),
        *((f"{command} --preset best", 2, ["no preset best", "article-bce"]) for command in ("train", "sweep")),
        ("train --save m.safetensors", 2, ["--local", "gan1010 export"]),
        ("train --url nowhere", 2, ["url", "http://127.0.0.1:8000"]),
        ("train --local --preset best", 2, ["article-bce", "best"]),
        ("train --local --name mine", 2, ["--name", "--local"]),
        ("train --local --no-wait", 2, ["--no-wait", "--local"]),
        ("train --local --save model.pt", 2, [".safetensors", "model.pt"]),
        ("train --local --iterations 9 --save /dev/null/x.safetensors", 1, ["cannot be written", "/dev/null"]),
        ("sweep --grid loss", 2, ["--grid loss", "FIELD=A,B"]),
        ("sweep --grid learning_rate=0.1,x", 2, ["--grid learning_rate", "'x'"]),
        ("sweep --grid seed=1,2", 2, ["--grid seed", "learning_rate"]),
        ("sweep --grid rate=1", 2, ["rate=1", "learning_rate"]),
        ("sweep --hidden-size three", 2, ["hidden-size", "three"]),
        ("sweep --heatmap map.gif", 2, ["map.gif", ".svg"]),
        *((f"sweep --grid learning_rate=0.1,{value}", 2, ["--grid learning_rate must be", value]) for value in
          ("11.0", "nan", "inf")),
        ("score", 2, ["0.9,0.1,0.9,0.1", "--file"]),
        ("score 0.9;0.1", 2, ["'0.9;0.1'", "0.9,0.1,0.9,0.1"]),
        *((f"score {value},0,0,0", 2, [value, "finite"]) for value in ("nan", "inf", "1e999")),
        ("score --file nosuch.csv", 2, ["nosuch.csv"]),
        ("score 1,2 --job JOB", 1, ["vectors[0] has 2 numbers", "4"]),
        *((f"{command} \udcff", 2, ["encoding"]) for command in ("show", "train --name", "score --job x 1,0 --job")),
        ("prune", 2, ["names no jobs", "--older-than"]),
        ("prune --older-than yesterday", 2, ["--older-than", "such as 30 days"]),
        ("sample half", 2, ["half"]),
        ("sample 0.5 nan", 2, ["finite", "0.5"]),
        ("sample --job JOB --iteration 1050", 1, ["1000", "1100"]),
        ("plot losses JOB -o picture.gif", 2, ["picture.gif", ".svg"]),
        ("plot losses JOB -o /dev/null/picture.png", 1, ["cannot be written"]),
        ("export generator.pt --job JOB", 2, ["generator.pt", "generator.safetensors"]),
        *((f"{command} --url {UNREACHABLE[0]}", 3, UNREACHABLE) for command in
          ("train", "sweep", "jobs", "show", "watch", "sample", "presets", "export")),
    ],
)  # fmt: skip
def test_error_names_the_cause_and_the_remedy(
    server_url: str, job: Json, arguments: str, code: int, words: list[str]
) -> None:
    result = invoke(*arguments.replace("JOB", job["id"]).split(), url=server_url)
    message = " ".join(result.stderr.replace("│", " ").split())
    assert (result.exit_code, result.stdout) == (code, ""), message
    assert [word for word in words if word not in message] == [], message


@pytest.mark.parametrize("command", ["show", "watch", "pause", "resume", "cancel", "delete"])
def test_problem_of_the_service_is_printed(server_url: str, command: str) -> None:
    result = invoke(command, "nosuchjob", url=server_url)
    message = "gan1010: No job has this id or name. List the jobs with gan1010 jobs.\n"
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", message)


def test_advice_names_commands_where_the_service_names_calls(server_url: str, job: Json) -> None:
    for command, message in (("show", "No job has this id. List the jobs with gan1010 jobs."),):
        assert invoke(command, "0" * 24, url=server_url).stderr == f"gan1010: {message}\n"
    result = invoke("plot", "heatmap", job["id"], "-o", "/dev/null/x.png", url=server_url)
    assert f"Show its result with gan1010 show {job['id']}." in result.stderr


def test_job_is_named_by_its_id_its_beginning_or_its_name(server_url: str, server_client: httpx.Client) -> None:
    first = train(server_client, iterations=20, name="named once")["id"]
    second, third = (train(server_client, iterations=20, name="named twice")["id"] for _ in range(2))
    for name in (first, first[:20], "named once"):
        assert f"{first}  named once" in output_of("show", name, url=server_url)
        assert first in output_of("sample", "--job", name, "--json", url=server_url)
    for name in ("named twice", first[:2]):
        result = invoke("cancel", name, url=server_url)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "Several jobs have this name or an id that begins so: " in result.stderr
        assert third in result.stderr
    assert second in invoke("cancel", "named twice", url=server_url).stderr
