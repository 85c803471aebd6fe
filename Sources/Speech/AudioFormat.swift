/// The kinds of audio file told apart by their first bytes, never by the file's ending.
enum AudioFormat: Equatable {
    case wav, flac, ogg, mpeg
    /// Known, but not read; the sentence says what to do.
    case refused(String)

    /// Looks at the first bytes. Throws a sentence that shows them if they are no audio.
    static func detect(_ source: ByteSource) throws -> AudioFormat {
        let head = source.bytes(at: 0, length: 16)
        guard !head.isEmpty else { throw SpeechError("\(source.name): the file is empty (0 bytes). Record it again.") }
        func has(_ tag: String, at offset: Int = 0) -> Bool { head.dropFirst(offset).starts(with: tag.utf8) }
        let convert = "Convert it, for example with: ffmpeg -i IN -ar 16000 -ac 1 OUT.wav"
        if has("RIFF") {
            if head.count < 12 { return .wav }  // too short for WAVE: the WAV reader says so
            return has("WAVE", at: 8) ? .wav : .refused("a RIFF file of another kind than WAVE. \(convert)")
        }
        if has("RF64") || has("BW64") { return .refused("a 64-bit WAV (RF64), which is not read. \(convert)") }
        if has("RIFX") { return .refused("a big-endian WAV (RIFX), which is not read. \(convert)") }
        if has("riff") { return .refused("a Sony Wave64 file, which is not read. \(convert)") }
        if has("FORM") { return .refused("an AIFF file, which is not read. \(convert)") }
        if has(".snd") { return .refused("a Sun AU file, which is not read. \(convert)") }
        if has("ftyp", at: 4) { return .refused("an MP4 / M4A file, which is not read. \(convert)") }
        if has("fLaC") { return .flac }
        if has("OggS") { return .ogg }
        if has("ID3") || isMPEGFrame(head) { return .mpeg }
        let shown = head.prefix(8).map { (32..<127).contains($0) ? String(UnicodeScalar($0)) : "." }.joined()
        throw SpeechError(
            "\(source.name): not an audio file: WAV, FLAC, Ogg, Opus or MP3 was expected, but its content starts "
                + "with \"\(shown)\". \(convert)")
    }

    /// Sync, then a version, layer, bit rate and sample rate that are not the reserved ones.
    private static func isMPEGFrame(_ head: [UInt8]) -> Bool {
        head.count >= 4 && head[0] == 0xff && head[1] & 0xe0 == 0xe0 && head[1] & 0x18 != 0x08 && head[1] & 0x06 != 0
            && head[2] & 0xf0 != 0xf0 && head[2] & 0x0c != 0x0c
    }
}
