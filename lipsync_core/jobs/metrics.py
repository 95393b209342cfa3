"""Metrics for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from lipsync_core.jobs.progress import Progress
from lipsync_core.jobs.queue import JobQueue

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

KINDS = ("mp4", "mjpeg", "webrtc", "websocket", "page")
STAGES = ("queue", "face", "first_frame", "file", "whole")


class Metrics:
    """One set per application, so that several in one process do not add up; all are there, as 0, from the start.

    sessions: streams that are open, by kind. frames: made, by kind; skipped: too late for a slow client.
    stages: seconds until something was reached: queue (waited in line), face (avatar ready), first_frame (from the
        start of the job, or from the offer of a connection), file (complete, from the last frame), whole (all frames
        made and stored, or the connection over).
    """

    def __init__(self, jobs: JobQueue) -> None:
        self.registry = CollectorRegistry()
        self.sessions = Gauge("lipsync_sessions", "Open sessions", ["kind"], registry=self.registry)
        self.frames = Counter("lipsync_frames", "Frames made", ["kind"], registry=self.registry)
        self.skipped = Counter("lipsync_frames_skipped", "Frames not sent, as they were late", registry=self.registry)
        self.refused = Counter("lipsync_jobs_refused", "Jobs refused as the line was full", registry=self.registry)
        self.stages = Histogram(
            "lipsync_stage_seconds", "Time of a stage", ["stage"], buckets=SECONDS, registry=self.registry
        )
        running = Gauge("lipsync_jobs_running", "Jobs that run", registry=self.registry)
        running.set_function(lambda: jobs.running)
        waiting = Gauge("lipsync_jobs_waiting", "Jobs that wait in line", registry=self.registry)
        waiting.set_function(lambda: jobs.waiting)
        for kind in KINDS:
            self.sessions.labels(kind)
            self.frames.labels(kind)
        for stage in STAGES:
            self.stages.labels(stage)
        jobs.on_refuse = self.refused.inc
        jobs.on_start = self.stages.labels("queue").observe

    def observe(self, progress: Progress) -> None:
        """Count the times of a render that has ended."""
        times = dict(progress.times)
        if progress.first_frame_seconds is not None:
            times["first_frame"] = progress.first_frame_seconds
        for stage in STAGES:
            if stage in times:
                self.stages.labels(stage).observe(times[stage])
