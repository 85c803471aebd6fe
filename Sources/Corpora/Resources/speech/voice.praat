# One pass over one utterance: voice (formants, pitch) and emotion (pitch, range, slope, rate, tilt, level).
# praat --run voice.praat IN.wav OUT.wav FORMANT SHIFT_ST RANGE SLOPE_ST DURATION ALPHA_DB LEVEL_DBFS
# A neutral adult is 1 0 1 0 1 0 LEVEL: those clips come through here too, so that "processed" is never the label.
# A clip without voiced frames (a whisper, a hiss) keeps its lack of pitch; formants, rate, tilt and level still change.
# Prints the median f0 before and after in Hz (0 = unvoiced), the tilt in dB per octave and the peak.
form Voice and emotion
    sentence input in.wav
    sentence output out.wav
    real formant_ratio 1.0
    real shift_st 0.0
    real range_factor 1.0
    real slope_st 0.0
    real duration_factor 1.0
    real alpha_db 0.0
    real level_dbfs -26
endform
procedure alpha: .sound
    selectObject: .sound
    .ltas = To Ltas: 100
    .hi = Get mean: 1000, 5000, "energy"
    .lo = Get mean: 50, 1000, "energy"
    .value = .hi - .lo
    Remove
endproc
procedure tilt: .sound, .dbPerOctave
    selectObject: .sound
    .spectrum = To Spectrum: "yes"
    Formula: "self * 10 ^ (.dbPerOctave * log2 (max (x, 200) / 1000) / 20)"
    .out = To Sound
    removeObject: .spectrum
endproc
# overlap-add draws random lengths where nothing is voiced: the same clip must give the same bytes
random_initializeWithSeedUnsafelyButPredictably (20260311)
raw = Read from file: input$
mono = Convert to mono
sound = Resample: 16000, 50
@alpha: sound
target = alpha.value + alpha_db
# the pitch range of this speaker in two passes, so that no octave is taken for another
selectObject: sound
wide = To Pitch (ac): 0.01, 60, 15, "no", 0.03, 0.45, 0.01, 0.35, 0.14, 600
q25 = Get quantile: 0, 0, 0.25, "Hertz"
q75 = Get quantile: 0, 0, 0.75, "Hertz"
voiced = 1
if q25 = undefined or q75 = undefined
    voiced = 0
    q25 = 120
    q75 = 200
endif
floor = max (50, 0.65 * q25)
ceiling = min (700, 2.2 * q75)
selectObject: sound
narrow = To Pitch (ac): 0.01, floor, 15, "no", 0.03, 0.45, 0.01, 0.35, 0.14, ceiling
median = Get quantile: 0, 0, 0.5, "Hertz"
if median = undefined
    voiced = 0
    median = 150
endif
# formants: play it faster or slower, then give back pitch and time
selectObject: sound
fast = Copy: "fast"
Override sampling frequency: 16000 * formant_ratio
manip = To Manipulation: 0.01, floor * formant_ratio, ceiling * formant_ratio
tier = Extract pitch tier
points = Get number of points
t1 = Get start time
t2 = Get end time
new = median * 2 ^ (shift_st / 12)
# outside 40-900 Hz overlap-add has too few or too many periods to a window
Formula: "min (900, max (40, new * (self / (median * formant_ratio)) ^ range_factor * 2 ^ (slope_st * ((x - t1) / (t2 - t1) - 0.5) / 12)))"
duration = Create DurationTier: "duration", t1, t2
Add point: (t1 + t2) / 2, duration_factor * formant_ratio
if points > 0
    selectObject: manip, tier
    Replace pitch tier
endif
selectObject: manip, duration
Replace duration tier
selectObject: manip
psola = Get resynthesis (overlap-add)
shifted = Resample: 16000, 50
# spectral tilt: measure at 0 and 3 dB per octave, then the value that meets the target
@alpha: shifted
a0 = alpha.value
@tilt: shifted, 3
@alpha: tilt.out
slope = (alpha.value - a0) / 3
db = 0
if slope <> undefined and slope > 0.01
    db = min (9, max (-9, (target - a0) / slope))
endif
@tilt: shifted, db
final = tilt.out
# the spectrum pads to a power of two: cut back
selectObject: shifted
dur = Get total duration
selectObject: final
cut = Extract part: 0, dur, "rectangular", 1, "no"
rms = Get root-mean-square: 0, 0
if rms > 0
    Multiply: 10 ^ (level_dbfs / 20) / rms
endif
peak = Get absolute extremum: 0, 0, "none"
if peak > 0.99
    # loud clips: round the peaks off, as a loud voice and a recorder do, instead of losing the level
    Formula: "0.99 * tanh (self / 0.99)"
endif
Save as WAV file: output$
if voiced = 0
    median = 0
    new = 0
endif
writeInfoLine: fixed$ (median, 2), " ", fixed$ (new, 2), " ", fixed$ (db, 2), " ", fixed$ (peak, 3)
