"""The clip chirp-0.3.wav of mel.py in each compressed format, for Tests/SpeechTests/Golden.

Made with soundfile 0.14.0 (libsndfile 1.2.2). Run after mel.py: python3 scripts/golden/compressed.py
"""

from pathlib import Path

import soundfile

OUT = Path(__file__).resolve().parents[2] / "Tests/SpeechTests/Golden"

samples, rate = soundfile.read(OUT / "chirp-0.3.wav", dtype="int16")
soundfile.write(OUT / "chirp-0.3.flac", samples, rate, format="FLAC", subtype="PCM_16")
soundfile.write(OUT / "chirp-0.3.ogg", samples, rate, format="OGG", subtype="VORBIS")
soundfile.write(OUT / "chirp-0.3.opus", samples, rate, format="OGG", subtype="OPUS")
soundfile.write(OUT / "chirp-0.3.mp3", samples, rate, format="MP3", subtype="MPEG_LAYER_III")
