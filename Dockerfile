FROM python:3.11-slim

# An additional package index. PyTorch's index of CPU wheels avoids gigabytes of CUDA libraries.
ARG PIP_EXTRA_INDEX_URL=""
ARG PIP_ROOT_USER_ACTION=ignore

# The dependencies have a layer of their own, because they change less often than the project. torch's C++ headers and
# everybody's tests go. Dask is among them, so that the same image can be a scheduler or a worker.
WORKDIR /src
COPY pyproject.toml .
RUN python -c "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
print(*project['dependencies'], *project['optional-dependencies']['dask'], sep='\n')" > requirements.txt \
    && pip install --no-cache-dir --requirement requirements.txt \
    && rm -rf /usr/local/lib/python3.11/*-packages/torch/include \
    && find /usr/local/lib/python3.11/*-packages/torch/bin -type f ! -name torch_shm_manager -delete \
    && find /usr/local/lib/python3.11/*-packages -type d \( -name test -o -name tests \) -prune -exec rm -rf {} +

COPY . .
RUN pip install --no-cache-dir --no-deps .

# /data holds jobs and models. The other folder holds compiled code, and is writable for every user, because a processor of
# another kind adds its own code. Neither is declared a volume, which would leave a nameless one behind with each container.
ENV GAN1010_DATA_DIR=/data \
    GAN1010_HOST=0.0.0.0 \
    GAN1010_PORT=8000 \
    NUMBA_CACHE_DIR=/var/cache/gan1010 \
    MPLCONFIGDIR=/tmp/matplotlib
RUN useradd --uid 10001 --create-home gan1010 \
    && install --directory --owner gan1010 --group gan1010 "$GAN1010_DATA_DIR" "$NUMBA_CACHE_DIR"
USER 10001
WORKDIR /home/gan1010
RUN python -c "from gan1010.warmup import compile_kernel; compile_kernel()" && chmod --recursive a+rwX "$NUMBA_CACHE_DIR"

LABEL org.opencontainers.image.title="gan1010" \
      org.opencontainers.image.description="A tiny GAN that learns to produce 1010: trained in compiled code, sampled and scored over HTTP" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.authors="gan1010 contributors" \
      org.opencontainers.image.base.name="docker.io/library/python:3.11-slim"

EXPOSE 8000
# The service writes its URL into the file that locks its data folder. bash connects by itself: no start of Python.
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s CMD ["bash", "-c", "\
read -r url < $GAN1010_DATA_DIR/lock || url=http://127.0.0.1:$GAN1010_PORT; \
address=${url#http://}; host=${address%:*}; \
exec 3<> /dev/tcp/${host//[][]/}/${address##*:} && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 \
&& read -r -t 2 -u 3 _ status _ && [ $status = 200 ]"]
# The arguments are those of gan1010, or a command of Dask: `docker run gan1010 dask worker tcp://HOST:8786`.
ENTRYPOINT ["sh", "-c", "[ \"$1\" = dask ] || set -- gan1010 \"$@\"; exec \"$@\"", "sh"]
CMD ["serve"]
