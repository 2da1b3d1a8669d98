"""The data plane: a query that is parsed without decoding means the same as one that is decoded and validated."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.clients import Client
from tests.support.contract import Json

NUMBERS = st.one_of(
    st.from_regex(r"-?[0-9]{1,10}(\.[0-9]{1,18})?", fullmatch=True, alphabet="-0123456789."),
    st.sampled_from(["", "-", ".5", "5.", "1e3", "nan", "-inf", "+1", "0x1", "1_0", "3" * 40, "\u0661"]),
)
PARAMETERS = st.one_of(
    st.tuples(st.just("seed"), NUMBERS),
    st.tuples(st.just("iteration"), st.sampled_from(["0", "0100", "9999999", "10000000", "10000001", "-1", "1.0"])),
    st.tuples(st.just("job_id"), st.sampled_from(["JOB", "0" * 24, "f" * 23, "F" * 24, ""])),
    st.just(("seeds", "1")),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(parameters=st.lists(PARAMETERS, max_size=4))
def test_plain_query_means_the_same_as_an_encoded_one(
    shared_client: Client, article_job: Json, parameters: list[tuple[str, str]]
) -> None:
    pairs = [(name, value.replace("JOB", article_job["id"])) for name, value in parameters]
    plain = shared_client.get("/sample?" + "&".join(f"{name}={value}" for name, value in pairs))
    encoded = shared_client.get("/sample?" + "&".join(f"%{ord(name[0]):x}{name[1:]}={value}" for name, value in pairs))
    assert (plain.status_code, plain.content) == (encoded.status_code, encoded.content)
