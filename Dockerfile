# The monitor on a CPU: `docker build -t nicu-monitor .`, then
# `docker run -v /etc/nicu:/etc/nicu:ro -v nicu-state:/var/lib/nicu -p 9108:9108 nicu-monitor`.
# BASE may name a mirror of the same Debian; PIP_ARGS may choose another package index (for a CPU build of torch, say).
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
ARG PIP_ARGS=""
RUN apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends python3-venv ca-certificates \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY deploy/constraints.txt deploy/
COPY monitor monitor
COPY trainer trainer
COPY export export
# torch is needed once, to turn the detector's weights into ONNX; the runtime image has none.
RUN python3 -m venv /models \
    && /models/bin/pip install --quiet --no-cache-dir ${PIP_ARGS} -c deploy/constraints.txt ".[export]" \
    && /models/bin/nicu-export detector --from retinaface
RUN python3 -m venv /opt/nicu-monitor \
    && /opt/nicu-monitor/bin/pip install --quiet --no-cache-dir ${PIP_ARGS} -c deploy/constraints.txt ".[web]" \
    && mkdir -p /opt/nicu-monitor/share/nicu-pain-monitor \
    && cp -r /models/share/nicu-pain-monitor/models /opt/nicu-monitor/share/nicu-pain-monitor/

FROM ${BASE}
RUN apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends \
        python3 python3-gst-1.0 gir1.2-gst-plugins-base-1.0 gir1.2-gst-rtsp-server-1.0 \
        gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly \
        gstreamer1.0-libav glib-networking ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home --home-dir /var/lib/nicu nicu
COPY --from=build /opt/nicu-monitor /opt/nicu-monitor
# GStreamer's Python binding belongs to the distribution; one link lets the virtual environment see it.
RUN ln -s /usr/lib/python3/dist-packages/gi "$(/opt/nicu-monitor/bin/python -c 'import sysconfig; print(sysconfig.get_path("platlib"))')/gi"
ENV PATH=/opt/nicu-monitor/bin:${PATH} PYTHONUNBUFFERED=1
USER nicu
WORKDIR /var/lib/nicu
EXPOSE 9108
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9108/healthz', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["nicu-monitor"]
CMD ["run", "--config", "/etc/nicu/station.yaml"]
