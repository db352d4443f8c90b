# The engine's image: two stages, no build tools in the second, not root, one health check.
# tests/test_image.py runs these steps in a scratch folder, so they cannot rot unseen.
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements-run.lock pyproject.toml README.md LICENSE ./
RUN python -m venv /opt/wardline
RUN /opt/wardline/bin/pip install --no-cache-dir --require-hashes -r requirements-run.lock
COPY engine engine
COPY mllp mllp
COPY docs docs
RUN /opt/wardline/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/wardline --create-home wardline
COPY --from=build /opt/wardline /opt/wardline
COPY channels /etc/wardline/channels
ENV PATH=/opt/wardline/bin:$PATH \
    WARDLINE_STORE=sqlite:////var/lib/wardline/wardline.db \
    WARDLINE_HTTP=0.0.0.0:8580 \
    WARDLINE_BIND=0.0.0.0
USER wardline
WORKDIR /var/lib/wardline
VOLUME /var/lib/wardline
EXPOSE 2575-2586 8480 8580 8581
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8580/ready', timeout=2)"]
ENTRYPOINT ["wardline"]
CMD ["run", "/etc/wardline/channels"]
