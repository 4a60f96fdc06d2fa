# The service with its weights. CPU wheels of torch are smaller by gigabytes: name their index at build time with
#   make image TORCH_INDEX_URL=...
# Without it pip takes what its default index has, which on Linux brings the CUDA libraries along.
ARG BASE=python:3.11-slim

FROM ${BASE} AS build
ARG TORCH_INDEX_URL=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
# The environment has no pip of its own: what installs into it stays in this stage.
RUN python -m venv --without-pip /opt/biasfree
# Dependencies first, from the two files that name them, so that a change of code does not fetch them again.
COPY pyproject.toml constraints.txt ./
RUN python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; print(*p['dependencies'], *p['optional-dependencies']['classical'], *p['optional-dependencies']['tracing'], sep='\n')" \
        > requirements.txt \
    && pip --python /opt/biasfree/bin/python install \
        ${TORCH_INDEX_URL:+--extra-index-url "${TORCH_INDEX_URL}"} -c constraints.txt -r requirements.txt
COPY . .
RUN pip install -c constraints.txt setuptools \
    && pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && pip --python /opt/biasfree/bin/python install --no-deps dist/*.whl

FROM ${BASE}
COPY --from=build /opt/biasfree /opt/biasfree
ENV PATH=/opt/biasfree/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    BIASFREE_HOST=0.0.0.0 \
    BIASFREE_PORT=8000
# A number, so that Kubernetes can tell that it is not root.
USER 10001:10001
WORKDIR /tmp
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['BIASFREE_PORT']}/healthz\", timeout=4)"]
CMD ["python", "-m", "service"]
