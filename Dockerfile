FROM python:3.11-slim

# An additional package index. PyTorch's index of CPU wheels avoids gigabytes of CUDA libraries.
ARG PIP_EXTRA_INDEX_URL=""
ARG PIP_ROOT_USER_ACTION=ignore

# The dependencies have a layer of their own, because they change less often than the project. torch's C++ headers go.
# Dask is among them, so that the same image can be a scheduler or a worker.
WORKDIR /src
COPY pyproject.toml .
RUN python -c "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
print(*project['dependencies'], *project['optional-dependencies']['dask'], sep='\n')" > requirements.txt \
    && pip install --no-cache-dir --requirement requirements.txt \
    && rm -rf /usr/local/lib/python3.11/*-packages/torch/include /usr/local/lib/python3.11/*-packages/torch/test

COPY . .
RUN pip install --no-cache-dir --no-deps .

# /data holds jobs and models. The other folder holds compiled code and the list of fonts; a processor of another kind adds
# its own code. It is a volume and writable for every user, because matplotlib ignores a folder that it cannot write to.
# The container therefore starts fast on a read-only file system too.
ENV GAN1010_DATA_DIR=/data \
    GAN1010_HOST=0.0.0.0 \
    GAN1010_PORT=8000 \
    NUMBA_CACHE_DIR=/var/cache/gan1010 \
    MPLCONFIGDIR=/var/cache/gan1010/matplotlib
RUN useradd --uid 10001 --create-home gan1010 \
    && install --directory --owner gan1010 --group gan1010 "$GAN1010_DATA_DIR" "$NUMBA_CACHE_DIR"
USER 10001
WORKDIR /home/gan1010
RUN python -c "from gan1010.warmup import compile_kernel; compile_kernel(); from gan1010 import plots" \
    && chmod --recursive a+rwX "$NUMBA_CACHE_DIR"

VOLUME /data /var/cache/gan1010
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s CMD ["python", "-c", "\
from http.client import HTTPConnection; from service.settings import Settings; \
probe = HTTPConnection('127.0.0.1', Settings().port, timeout=2); probe.request('GET', '/readyz'); \
exit(probe.getresponse().status != 200)"]
# The arguments are those of gan1010, or a command of Dask: `docker run gan1010 dask worker tcp://HOST:8786`.
ENTRYPOINT ["sh", "-c", "[ \"$1\" = dask ] || set -- gan1010 \"$@\"; exec \"$@\"", "sh"]
CMD ["serve"]
