# Everything in one configuration, so that the demo and the tests share one build. Needs Swift 6.3 and Python 3 with pip.
BUILD = swift build -c release
RESURFACE = .build/release/resurface
OWN = Sources/AudioLanguageModels/Resources/smol
SOURCES = Sources Tests Package.swift

.PHONY: setup demo test sanitize weights format clean

# The engine's libraries into Vendor/, the command, the embedded model's weights into the cache folder.
setup:
	sh scripts/setup-engine.sh
	$(BUILD) --product resurface
	$(RESURFACE) setup

# The whole protocol on the embedded model, with a report at runs/demo/report.html.
demo: setup
	$(RESURFACE) reproduce --profile quick --out runs/demo

# The weights come before the tests, so that those of the embedded model run instead of being skipped.
test:
	sh scripts/setup-engine.sh
	swift format lint --strict -r --configuration .swift-format $(SOURCES)
	$(BUILD) --build-tests
	$(RESURFACE) setup
	swift test -c release --skip-build --disable-swift-testing

# What reads other people's files, and the engine's kernels, under the address sanitizer; a build of its own, a quarter of an hour.
sanitize:
	sh scripts/setup-engine.sh
	ASAN_OPTIONS=detect_leaks=0:detect_odr_violation=0 swift test -c release --sanitize=address \
	    --scratch-path .build/sanitized --disable-swift-testing \
	    --filter "MLXTests|CheckpointsTests|SpeechTests|TokenizationTests|AudioLanguageModelsTests|FineTuningTests"

# The embedded model's own weights anew, from nothing but texts (docs/MODEL_CARD.md): two hours on two cores.
weights: setup
	$(RESURFACE) corpus build --parts alignment --out runs/weights/corpus
	$(RESURFACE) align projector --corpus runs/weights/corpus --out $(OWN)/projector.safetensors
	$(RESURFACE) align language --corpus runs/weights/corpus --projector $(OWN)/projector.safetensors \
	    --out runs/weights/language --weights $(OWN)/adapter

format:
	swift format -i -r --configuration .swift-format $(SOURCES)

# The build only: the engine (Vendor/), the runs and the cache folder stay.
clean:
	swift package clean
