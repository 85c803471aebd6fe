"""Speaks one text with the libespeak-ng of the wheel espeakng-loader and ends: espeak.py VARIANT PITCH TEXT.

Writes the sample rate as a line and then 16-bit PCM. A process for every clip (some 30 ms), because the library keeps
state (flutter, noise) that neither a new voice nor a new start of it resets: the same text must give the same bytes.
"""
import ctypes
import os
import sys
import tempfile

import espeakng_loader as loader

variant, pitch, text = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode()
pieces = []


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
def receive(samples, count, events):
    if samples and count > 0:
        pieces.append(ctypes.string_at(samples, 2 * count))
    return 0


with tempfile.TemporaryDirectory(prefix="espeak-") as folder:
    data = loader.get_data_path()
    if len(data.encode()) > 130:  # the library keeps the path in 160 bytes: a link stands in for a long one
        link = os.path.join(folder, "espeak-ng-data")
        os.symlink(data, link)
        data = link
    library = ctypes.CDLL(loader.get_library_path())
    # 2: synchronous; 0x8000: come back with an error instead of ending the process
    rate = library.espeak_Initialize(2, 0, os.path.dirname(data).encode(), 0x8000)
    if rate <= 0:
        sys.exit("espeak_Initialize failed")
    library.espeak_SetSynthCallback(receive)
    if library.espeak_SetVoiceByName(f"en-us+{variant}".encode()) != 0:
        sys.exit(f"no variant {variant}")
    library.espeak_SetParameter(1, 150, 0)  # words a minute
    library.espeak_SetParameter(3, pitch, 0)
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # breathy variants draw noise, seeded by the clock otherwise
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p,
        ctypes.c_void_p]
    if library.espeak_Synth(text, len(text) + 1, 0, 1, 0, 1, None, None) != 0:  # 1: UTF-8
        sys.exit("espeak_Synth failed")
    library.espeak_Synchronize()
sys.stdout.buffer.write(f"{rate}\n".encode() + b"".join(pieces))
