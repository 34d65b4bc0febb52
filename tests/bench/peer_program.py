"""The peer itself: what one would write to watch cameras with these two models, without this project.

    python peer_program.py REDIS_URL SECONDS RATE STREAM...

A thread for each stream reads it with OpenCV and decodes every picture; so many a second go through RetinaFace at 640
and, face by face, through N-CNN, with ONNX Runtime's defaults; every score is published. Prints one JSON object.
"""

import json
import os
import resource
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import redis

from monitor.inference.bundle import find_bundle

MINIMUM_SCORE = 0.8
OVERLAP_LIMIT = 0.4
SETTLING_SECONDS = 3.0


class Peer:
    """Detector and classifier; sessions are shared by all threads, as ONNX Runtime allows."""

    def __init__(self):
        self.detector = onnxruntime.InferenceSession(str(find_bundle("retinaface") / "model_640.onnx"))
        self.classifier = onnxruntime.InferenceSession(str(find_bundle("ncnn-demo") / "model.onnx"))
        self.size_px = self.detector.get_inputs()[0].shape[1]
        self.crop_px = self.classifier.get_inputs()[0].shape[1]

    def faces(self, image):
        """Return boxes, shape (N, 4) as x0, y0, x1, y1 in pixels of the picture, best first; `image` is RGB."""
        height, width = image.shape[:2]
        scale = self.size_px / max(height, width)
        square = np.zeros((self.size_px, self.size_px, 3), np.uint8)
        small = cv2.resize(image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
        square[: small.shape[0], : small.shape[1]] = small
        boxes, scores = self.detector.run(["boxes", "scores"], {"images": square[None]})
        boxes, scores = boxes[0][scores[0] >= MINIMUM_SCORE], scores[0][scores[0] >= MINIMUM_SCORE]
        sides = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
        chosen = cv2.dnn.NMSBoxes(sides.tolist(), scores.tolist(), 0.0, OVERLAP_LIMIT) if len(boxes) else []
        return boxes[np.asarray(chosen, int).ravel()] / scale

    def score(self, image, box):
        """Return the probability of pain of one face."""
        x0, y0, x1, y1 = np.clip(box, 0, [image.shape[1], image.shape[0]] * 2).astype(int)
        crop = cv2.resize(image[y0:y1, x0:x1], (self.crop_px, self.crop_px), interpolation=cv2.INTER_CUBIC)
        return float(self.classifier.run(["score"], {"crops": crop[None]})[0][0])


class Watcher(threading.Thread):
    """One stream; counts since `begin`."""

    def __init__(self, peer, url, rate, redis_url):
        super().__init__(daemon=True)
        self.peer, self.url, self.interval_seconds = peer, url, 1.0 / rate
        self.client = redis.Redis.from_url(redis_url)
        self.stopping = threading.Event()
        self.begin()

    def begin(self):
        self.decoded = self.analysed = self.faces = 0
        self.grab_cpu_seconds = 0.0

    def run(self):
        stream = cv2.VideoCapture(self.url, cv2.CAP_FFMPEG)
        due_seconds = time.monotonic()
        while not self.stopping.is_set():
            began = time.thread_time()
            if not stream.grab():
                break
            self.grab_cpu_seconds += time.thread_time() - began
            self.decoded += 1
            if time.monotonic() < due_seconds:
                continue
            due_seconds = max(due_seconds + self.interval_seconds, time.monotonic() - self.interval_seconds)
            image = cv2.cvtColor(stream.retrieve()[1], cv2.COLOR_BGR2RGB)
            for box in self.peer.faces(image):
                score = self.peer.score(image, box)
                self.client.publish("pain", json.dumps({"stream": self.url, "box": box.tolist(), "score": score}))
                self.faces += 1
            self.analysed += 1
        stream.release()


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def decoder_thread_seconds():
    """Return the CPU time of FFmpeg's own threads, which it calls `av:...`."""
    total = 0.0
    for task in Path("/proc/self/task").iterdir():
        if (task / "comm").read_text().startswith("av:"):
            total += int((task / "schedstat").read_text().split()[0]) / 1e9
    return total


def main():
    redis_url, seconds, rate, *urls = sys.argv[1:]
    peer = Peer()
    watchers = [Watcher(peer, url, float(rate), redis_url) for url in urls]
    for watcher in watchers:
        watcher.start()
    give_up = time.monotonic() + 60
    while any(not watcher.analysed for watcher in watchers) and time.monotonic() < give_up:
        time.sleep(0.1)
    time.sleep(SETTLING_SECONDS)
    began, used, decoders = time.monotonic(), cpu_seconds(), decoder_thread_seconds()
    for watcher in watchers:
        watcher.begin()
    time.sleep(float(seconds))
    decode = decoder_thread_seconds() - decoders + sum(watcher.grab_cpu_seconds for watcher in watchers)
    found = {
        "seconds": time.monotonic() - began,
        "cpu_seconds": cpu_seconds() - used,
        "decode_cpu_seconds": decode,
        "decoded": sum(watcher.decoded for watcher in watchers),
        "analysed_frames": sum(watcher.analysed for watcher in watchers),
        "faces": sum(watcher.faces for watcher in watchers),
        "resident_megabytes": int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6,
    }
    for watcher in watchers:
        watcher.stopping.set()
    for watcher in watchers:
        watcher.join(10)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
