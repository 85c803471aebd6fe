"""Speech from an OpenAI-compatible endpoint: POST {url}/v1/audio/speech, answered with a WAV.

The key comes from the environment variable OPENAI_API_KEY, where there is one, and goes nowhere but into the request's header: over
https, or to this machine. Redirects are not followed: they would carry the key elsewhere. Whatever comes back is bounded in size and
time before it is looked at, and is a WAV of 16-bit PCM or an error. 429, 5xx and broken connections are tried again.
"""
import io
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
import wave

import numpy as np

MAX_BYTES = 32 << 20
MAX_SECONDS = 180  # of sound
PATIENCE = 100.0  # seconds for one clip, all tries together
SOCKET_TIMEOUT = 60.0
TRIES = 6
FIRST_WAIT = float(os.environ.get("RESURFACE_ENDPOINT_WAIT", "1"))  # seconds, doubled from try to try
STREAMED = 0x7FFFF000  # a length that is not known when the header is written


class Retry(Exception):
    """Something that may be better in a moment; `wait` in seconds, where the server says it."""

    def __init__(self, reason, wait=None):
        super().__init__(reason)
        self.wait = wait


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


opener = urllib.request.build_opener(NoRedirect)


def speak(text, voice, settings):
    """settings: url, model, instructions. Returns samples and their rate."""
    url, key = address(settings["url"]), os.environ.get("OPENAI_API_KEY", "").strip()
    host = urllib.parse.urlsplit(url)
    if key and host.scheme != "https" and host.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ValueError("endpoint: the key OPENAI_API_KEY would go over an open connection; use https, or unset it")
    body = json.dumps({
        "model": settings["model"], "voice": voice, "input": text, "instructions": settings["instructions"],
        "response_format": "wav"}).encode()
    headers = {"Content-Type": "application/json", "Accept": "audio/wav"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    end, wait, reason = time.monotonic() + PATIENCE, FIRST_WAIT, "no answer"
    for attempt in range(TRIES):
        try:
            return samples_of(answer(urllib.request.Request(url, body, headers, method="POST"), end))
        except Retry as error:
            reason, pause = str(error), wait if error.wait is None else error.wait
        except ValueError as error:
            raise ValueError(hidden(str(error), key)) from None
        wait *= 2
        if attempt + 1 == TRIES or time.monotonic() + pause > end:
            break
        time.sleep(pause)
    raise RuntimeError(hidden(f"endpoint: {reason}; gave up after {attempt + 1} tries", key))


def address(base):
    parts = urllib.parse.urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("endpoint: expected a plain address as https://host/v1")
    path = parts.path.rstrip("/").removesuffix("/v1")
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, path + "/v1/audio/speech", "", ""))


def answer(request, end):
    """The bytes of a WAV, or an error that says what came instead."""
    try:
        with opener.open(request, timeout=max(1.0, min(SOCKET_TIMEOUT, end - time.monotonic()))) as response:
            data = read(response, MAX_BYTES, end)
            kind, length = response.headers.get("Content-Type", ""), response.headers.get("Content-Length", "")
    except (Retry, ValueError):
        raise
    except urllib.error.HTTPError as error:
        with error:
            said = message(error, end)
        if error.code == 429 or error.code >= 500:
            raise Retry(f"HTTP {error.code} {said}", seconds(error.headers.get("Retry-After"))) from None
        if 300 <= error.code < 400:
            raise ValueError(f"endpoint: HTTP {error.code}, a redirect, which is not followed: give the address itself") from None
        raise ValueError(f"endpoint: HTTP {error.code} {said}") from None
    except OSError as error:  # URLError and timeouts too
        raise Retry(f"no connection ({getattr(error, 'reason', error)})") from None
    except Exception as error:  # noqa: BLE001  (http.client's own: a status line or chunk that is none)
        raise Retry(f"no proper HTTP answer ({type(error).__name__})") from None
    if length.isdigit() and len(data) < int(length):
        raise Retry(f"{len(data)} of {length} bytes came")
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError(f"endpoint: expected a WAV, found {len(data)} bytes of {kind[:60] or 'an unnamed type'}")
    return data


def read(response, limit, end):
    parts, size = [], 0
    while True:
        part = response.read1(1 << 16)
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
        if size > limit:
            raise ValueError(f"endpoint: the answer has more than {limit} bytes")
        if time.monotonic() > end:
            raise Retry(f"the answer was not complete after {PATIENCE:.0f} s")


def message(error, end):
    """What the server says of an error, in a line."""
    try:
        text = error.fp.read(4096).decode("utf-8", "replace") if error.fp and time.monotonic() < end else ""
    except Exception:  # noqa: BLE001  (the status is enough)
        text = ""
    try:
        text = json.loads(text)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        pass
    return " ".join(str(text).split())[:200]


def seconds(text):
    """Retry-After in seconds; a date, or nonsense, is left to the own waiting time."""
    return min(float(text), 60.0) if text and text.isdigit() else None


def hidden(text, key):
    return text.replace(key, "...") if key else text


def samples_of(data):
    try:
        with wave.open(io.BytesIO(data), "rb") as file:
            channels, width, rate, claimed = file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes()
            if width != 2 or channels not in (1, 2) or not 8000 <= rate <= 96000:
                raise ValueError(
                    f"endpoint: expected 16-bit PCM, 1 or 2 channels, 8 to 96 kHz; found {8 * width} bits, {channels} channels, {rate} Hz")
            pcm = file.readframes(min(claimed, MAX_SECONDS * rate + 1))
    except (wave.Error, EOFError) as error:
        raise ValueError(f"endpoint: not a WAV that can be read ({error})") from None
    frames = len(pcm) // (2 * channels)
    if frames > MAX_SECONDS * rate:
        raise ValueError(f"endpoint: the clip has more than {MAX_SECONDS} s")
    if frames < claimed and claimed * 2 * channels < STREAMED:
        raise Retry(f"the WAV holds {frames} of {claimed} samples")
    if frames == 0:
        raise ValueError("endpoint: the WAV holds no sound")
    samples = np.frombuffer(pcm[: frames * 2 * channels], "<i2").astype(np.float32) / 32768
    return samples.reshape(-1, channels).mean(axis=1), rate
