# The service with its weights.
#   make image                  for processors; reads HEIC, camera raw files and DICOM too (52 MB)
#   make image VARIANT=slim     for processors, /denoise alone: no analysis, classical models or traces
#   make image VARIANT=cuda     for NVIDIA GPUs
# CPU wheels of torch are smaller by gigabytes: name their index with TORCH_INDEX_URL=... Without it pip takes what its
# default index has, which on Linux may bring the CUDA libraries along.
ARG BASE=python:3.11-slim

FROM ${BASE} AS build
ARG VARIANT=cpu
ARG TORCH_INDEX_URL=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
# The environment has no pip of its own: what installs into it stays in this stage.
RUN python -m venv --without-pip /opt/biasfree
# Dependencies first, from the two files that name them, so that a change of code does not fetch them again. Without
# CUDA, onnxruntime is the same library as onnxruntime-gpu, and smaller. torch's headers and tests are 145 MB.
COPY pyproject.toml constraints.txt ./
RUN case "${VARIANT}" in \
        cpu) extras="analysis classical tracing heif raw dicom"; suffix=-gpu ;; \
        slim) extras=""; suffix=-gpu ;; \
        cuda) extras="analysis classical tracing heif raw dicom"; suffix="" ;; \
        *) echo "VARIANT must be cpu, slim or cuda, not ${VARIANT}" >&2; exit 1 ;; \
    esac \
    && python -c "import sys, tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; print(*p['dependencies'], *(each for extra in sys.argv[1:] for each in p['optional-dependencies'][extra]), sep='\n')" ${extras} \
        | sed "s/^onnxruntime${suffix}/onnxruntime/" > requirements.txt \
    && pip --python /opt/biasfree/bin/python install \
        ${TORCH_INDEX_URL:+--extra-index-url "${TORCH_INDEX_URL}"} -c constraints.txt -r requirements.txt \
    && rm -rf /opt/biasfree/lib/python3*/site-packages/torch/include /opt/biasfree/lib/python3*/site-packages/torch/test
COPY deploy/slim.py ./
RUN if [ "${VARIANT}" = slim ]; then python slim.py /opt/biasfree; fi
COPY . .
RUN pip install -c constraints.txt setuptools \
    && pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && pip --python /opt/biasfree/bin/python install --no-deps dist/*.whl

FROM ${BASE}
ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.title="biasfree" \
    org.opencontainers.image.description="Blind image denoising that shows its work, over HTTP" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
# What the base installs packages with; nothing here does.
RUN find / -xdev \( -path '*/*-packages/pip' -o -path '*/*-packages/pip-*' -o -path '*/*-packages/setuptools*' \
        -o -path '*/*-packages/wheel*' -o -path '*/*-packages/pkg_resources' -o -path '*/*-packages/_distutils_hack' \
        -o -path '*/*-packages/distutils-precedence.pth' -o -path '*/python3*/ensurepip' -o -path '*/bin/pip*' \
        -o -path '*/bin/wheel' \) -prune -exec rm -rf {} +
COPY --from=build /opt/biasfree /opt/biasfree
# HOME: with a read-only root file system only /tmp, a tmpfs, can be written.
ENV PATH=/opt/biasfree/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    BIASFREE_HOST=0.0.0.0 \
    BIASFREE_PORT=8000
# A number, so that Kubernetes can tell that it is not root.
USER 10001:10001
WORKDIR /tmp
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as u; u.build_opener(u.ProxyHandler({})).open(f\"http://127.0.0.1:{os.environ['BIASFREE_PORT']}/healthz\", timeout=4)"]
CMD ["python", "-m", "service"]
