import Foundation

/// VoiceBench, exported from its Parquet files: folders with `metadata.jsonl` and the audio it names in `file_name`, the
/// form that the `datasets` library calls an audio folder.
///
/// The text is `prompt`; the response `output`, else `reference`, else none. All of it is for evaluation: the split is
/// test. Who speaks is not told. The engine is human or google-tts, by the subset's folder, as the benchmark's table of
/// subsets has it. The multi-turn subset (mtbench) is not one clip a line and is not read.
public struct VoiceBenchImporter: CorpusImporter {
    public let expects = "folders with metadata.jsonl and clips (docs/CORPUS.md)"
    public init() {}

    /// Writes that form.
    package static let export = """
        import json, pathlib
        from datasets import Audio, load_dataset
        subset, split = "alpacaeval", "test"
        folder = pathlib.Path("voicebench", subset, split)
        folder.mkdir(parents=True, exist_ok=True)
        rows = load_dataset("hlt-lab/voicebench", subset, split=split).cast_column("audio", Audio(decode=False))
        with open(folder / "metadata.jsonl", "w") as lines:
            for i, row in enumerate(rows):
                (folder / f"{i}.wav").write_bytes(row.pop("audio")["bytes"])
                lines.write(json.dumps({"file_name": f"{i}.wav", **row}) + "\\n")
        """
    private static let engines = [
        "human": ["commoneval", "wildvoice", "sd-qa", "bbh"],
        "google-tts": ["alpacaeval", "alpacaeval_full", "openbookqa", "mmsu", "ifeval", "advbench"],
    ]
    /// Folders below the source, and how many there may be.
    private static let depth = 3, folderLimit = 10_000

    public func read(_ source: URL, into list: ImportList) throws {
        let (files, hasParquet) = try search(source)
        guard !files.isEmpty || !hasParquet else {
            throw CorpusError(
                "\(source.path): Parquet files are not read. Export them with this Python, a subset and split at a time:\n"
                    + Self.export)
        }
        for (file, parts) in files {
            let engine =
                Self.engines.first { engine in parts.contains { engine.value.contains($0) } }?.key ?? "unknown"
            try JSONRecords.forEach(in: file, expected: "expected \(expects)") { place, row in
                try list.add(place) {
                    let record = try row(), field = record.fields["file_name"] == nil ? "audio" : "file_name"
                    let path = try record.name(field)
                    let url = try ImportFolder.inside(file.deletingLastPathComponent(), path, record, field)
                    let name = url.deletingPathExtension().lastPathComponent
                    return ImportClip(
                        source: url,
                        utterance: Utterance(
                            id: (["voicebench"] + parts + [name]).joined(separator: "-"), audio: "",
                            text: try record.text("prompt"), speaker: "unknown", engine: engine, split: .test,
                            response: try record.optionalText("output") ?? record.optionalText("reference")))
                }
            }
        }
    }

    /// Every metadata.jsonl with the names of its folders below the source, or the source's own name where it lies there;
    /// and whether there are Parquet files.
    private func search(_ source: URL) throws -> (files: [(URL, [String])], hasParquet: Bool) {
        var files: [(URL, [String])] = [], hasParquet = false, seen = 0
        func look(_ folder: URL, _ parts: [String]) throws {
            seen += 1
            guard seen <= Self.folderLimit else {
                throw CorpusError("\(source.path): more than \(Self.folderLimit) folders; expected \(expects)")
            }
            guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path) else {
                if parts.isEmpty { throw CorpusError("\(source.path): not a folder that can be read") }
                return  // a file
            }
            if names.contains("metadata.jsonl") {
                let named = parts.isEmpty ? [source.standardizedFileURL.lastPathComponent] : parts
                files.append((folder.appendingPathComponent("metadata.jsonl"), named))
                return
            }
            hasParquet = hasParquet || names.contains { $0.hasSuffix(".parquet") }
            guard parts.count < Self.depth else { return }
            for name in names.sorted() where !name.contains(".") {
                try look(folder.appendingPathComponent(name), parts + [name])
            }
        }
        try look(source, [])
        return (files, hasParquet)
    }
}
