# The monitor as a container, for CPUs (the default) and for NVIDIA GPUs:
#   docker build -t nicu-monitor .
#   docker build -t nicu-monitor:gpu --target gpu .      (TensorRT-RTX)
#   docker build -t nicu-monitor:cuda --target cuda .    (ONNX Runtime on a GPU)
#   docker run --read-only -v ./nicu:/etc/nicu:ro -v nicu-state:/var/lib/nicu -p 127.0.0.1:9108:9108 nicu-monitor
#   docker run --gpus all ... nicu-monitor:gpu           (with NVIDIA's container toolkit on the host)
# BASE may name a mirror of the same Debian. PIP_ARGS may choose another package index (for a CPU build of torch, say).
ARG BASE=debian:bookworm-slim

# torch is needed once, to turn the detector's weights into ONNX. Nothing of this stage but the bundles goes on.
FROM ${BASE} AS models
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
RUN python3 -m venv /models \
    && /models/bin/pip install --quiet --no-cache-dir --no-compile ${PIP_ARGS} -c deploy/constraints.txt ".[trainer,export]" \
    && /models/bin/nicu-export detector --from retinaface \
    && /models/bin/nicu-export mesh --from mediapipe \
    && /models/bin/nicu-export actions

FROM ${BASE} AS packages
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
# GStreamer's Python binding belongs to the distribution; one link lets the virtual environment see it.
RUN python3 -m venv /opt/nicu-monitor \
    && /opt/nicu-monitor/bin/pip install --quiet --no-cache-dir ${PIP_ARGS} -c deploy/constraints.txt ".[web]" \
    && ln -s /usr/lib/python3/dist-packages/gi \
        "$(/opt/nicu-monitor/bin/python -c 'import sysconfig; print(sysconfig.get_path("platlib"))')/gi"
COPY --from=models /models/share/nicu-pain-monitor/models /opt/nicu-monitor/share/nicu-pain-monitor/models

FROM packages AS packages-gpu
ARG PIP_ARGS=""
RUN /opt/nicu-monitor/bin/pip install --quiet --no-cache-dir ${PIP_ARGS} -c deploy/constraints.txt ".[web,tensorrt-rtx]" \
        nvidia-cuda-nvrtc==13.0.88
# Plans for the bundles of this image, which nobody can write beside later; no GPU is needed. NVRTC above compiles the crops.
ARG PLAN_TARGETS=sm80,sm86,sm89,sm120
RUN for bundle in retinaface face-actions; do \
        /opt/nicu-monitor/bin/nicu-export engine "/opt/nicu-monitor/share/nicu-pain-monitor/models/$bundle" \
            --engine tensorrt-rtx --target "$PLAN_TARGETS" || exit 1; \
    done

FROM packages AS packages-cuda
ARG PIP_ARGS=""
# onnxruntime-gpu has the same files as onnxruntime: the one that is installed last must be the one that stays.
RUN /opt/nicu-monitor/bin/pip install --quiet --no-cache-dir ${PIP_ARGS} -c deploy/constraints.txt ".[web,cuda]" \
    && /opt/nicu-monitor/bin/pip uninstall --quiet -y onnxruntime \
    && /opt/nicu-monitor/bin/pip install --quiet --no-cache-dir --force-reinstall --no-deps ${PIP_ARGS} \
        -c deploy/constraints.txt onnxruntime-gpu

FROM ${BASE} AS runtime
RUN apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends \
        python3 python3-gst-1.0 gir1.2-gst-plugins-base-1.0 gir1.2-gst-rtsp-server-1.0 \
        gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly \
        gstreamer1.0-libav glib-networking ca-certificates \
    && apt-get clean && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 nicu \
    && useradd --system --uid 10001 --gid nicu --create-home --home-dir /var/lib/nicu nicu
ENV PATH=/opt/nicu-monitor/bin:${PATH} PYTHONUNBUFFERED=1
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
# State, and the caches of GStreamer and of GPU engines. The root file system may be read-only.
WORKDIR /var/lib/nicu
EXPOSE 9108
HEALTHCHECK --interval=10s --timeout=3s --start-period=300s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9108/healthz', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["nicu-monitor"]
CMD ["run", "--config", "/etc/nicu/station.yaml"]

# The driver's libraries come from the host, through NVIDIA's container toolkit.
FROM runtime AS gpu
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility,video
COPY --from=packages-gpu /opt/nicu-monitor /opt/nicu-monitor

FROM runtime AS cuda
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility,video
COPY --from=packages-cuda /opt/nicu-monitor /opt/nicu-monitor

FROM runtime AS cpu
COPY --from=packages /opt/nicu-monitor /opt/nicu-monitor
