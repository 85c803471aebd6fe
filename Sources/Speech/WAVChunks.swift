/// The walk over a WAV file's chunks: finds one `fmt ` and, after it, one `data`.
struct WAVChunks {
    /// A file has a handful of chunks; millions of empty ones are an attack on time.
    static let maximumChunks = 1000
    private static let convert = "Convert it, for example with: ffmpeg -i IN -c:a pcm_s16le OUT.wav"
    private static let again = "Record or export it again."

    private let source: ByteSource
    init(_ source: ByteSource) { self.source = source }

    private func wrong(_ sentence: String) -> SpeechError { SpeechError("\(source.name): \(sentence)") }

    /// The format and the bytes of the samples, which are known to exist and to be whole frames.
    func parse() throws -> (WAVFormat, Range<Int>) {
        let end = try riffEnd()
        var format: WAVFormat?
        var data: Range<Int>?
        var offset = 12
        var chunks = 0
        while offset < end {
            chunks += 1
            guard chunks <= Self.maximumChunks else {
                throw wrong("more than \(Self.maximumChunks) RIFF chunks. \(Self.again)")
            }
            let header = source.bytes(at: offset, length: 8)
            guard header.count == 8, offset + 8 <= end else {
                throw wrong("\(end - offset) stray bytes at \(offset) where a RIFF chunk was expected. \(Self.again)")
            }
            let name = header.prefix(4).map { (32..<127).contains($0) ? String(UnicodeScalar($0)) : "?" }.joined()
            let size = Int(header.uint32(at: 4))
            let body = offset + 8
            guard size <= end - body else {
                throw wrong(
                    "chunk '\(name)' at byte \(offset) claims \(size) bytes, but \(end - body) are left: the file is "
                        + "cut short or its header is wrong. \(Self.again)")
            }
            switch name {
            case "fmt ":
                guard format == nil else { throw wrong("two 'fmt ' chunks; expected one. \(Self.again)") }
                guard data == nil else {
                    throw wrong("the 'fmt ' chunk comes after 'data'; expected before it. \(Self.convert)")
                }
                format = try parseFormat(source.bytes(at: body, length: min(size, 40)), claimed: size)
            case "data":
                guard data == nil else { throw wrong("two 'data' chunks; expected one. \(Self.convert)") }
                data = body..<body + size
            default: break  // LIST, fact, cue, bext ...: skipped, never read
            }
            offset = body + size + size % 2  // chunks start at even bytes; a missing last pad byte is forgiven
        }
        guard let data else { throw wrong("no 'data' chunk, so no samples. \(Self.again)") }
        guard let format else { throw wrong("no 'fmt ' chunk before the samples. \(Self.again)") }
        guard !data.isEmpty else { throw wrong("0 samples: the 'data' chunk is empty. \(Self.again)") }
        guard data.count.isMultiple(of: format.bytesPerFrame) else {
            throw wrong(
                "'data' has \(data.count) bytes, which is not a multiple of the \(format.bytesPerFrame) bytes that one "
                    + "sample of \(format.channels) channel(s) takes. \(Self.again)")
        }
        return (format, data)
    }

    /// Where the RIFF body ends, checked against the real size.
    private func riffEnd() throws -> Int {
        let head = source.bytes(at: 0, length: 12)
        guard head.count == 12 else {
            throw wrong("\(source.count) bytes are too few for a WAV header (44 at least). \(Self.again)")
        }
        guard head.starts(with: "RIFF".utf8), head.dropFirst(8).starts(with: "WAVE".utf8) else {
            throw wrong("not a WAV file: it does not start with RIFF....WAVE. \(Self.convert)")
        }
        let claimed = head.uint32(at: 4)
        guard claimed != 0, claimed != UInt32.max else {
            throw wrong(
                "the RIFF size is \(claimed): the file was streamed and its header never completed. \(Self.convert)")
        }
        let (end, size) = (8 + Int(claimed), source.count)
        guard end <= size else {
            throw wrong("the RIFF header claims \(end) bytes, the file has \(size): it is cut short. \(Self.again)")
        }
        guard end >= 12 else { throw wrong("the RIFF size \(claimed) leaves no room for a chunk. \(Self.again)") }
        return end  // what follows (an ID3 tag, say) is not part of the sound
    }

    private func parseFormat(_ body: [UInt8], claimed: Int) throws -> WAVFormat {
        guard claimed >= 16, body.count >= 16 else {
            throw wrong("the 'fmt ' chunk has \(claimed) bytes; expected 16, 18 or 40. \(Self.again)")
        }
        var tag = body.uint16(at: 0)
        let channels = Int(body.uint16(at: 2))
        let sampleRate = Int(body.uint32(at: 4))
        let byteRate = Int(body.uint32(at: 8))
        let blockAlign = Int(body.uint16(at: 12))
        let bits = Int(body.uint16(at: 14))
        if tag == 0xfffe { tag = try extensibleTag(body, bits: bits) }
        guard tag == 1 || tag == 3 else {
            throw wrong("\(Self.codecName(tag)) samples; PCM or float was expected. \(Self.convert)")
        }
        try AudioLimits.check(sampleRate: sampleRate, channels: channels, source: source.name)
        guard let encoding = Self.encoding(tag: tag, bits: bits) else {
            let expected = tag == 1 ? "PCM of 8, 16, 24 or 32 bits" : "float of 32 or 64 bits"
            throw wrong("\(bits) bits per sample; \(expected) was expected. \(Self.convert)")
        }
        let format = WAVFormat(encoding: encoding, channels: channels, sampleRate: sampleRate)
        guard blockAlign == format.bytesPerFrame else {
            throw wrong(
                "block align is \(blockAlign), but \(channels) channel(s) of \(bits) bits take "
                    + "\(format.bytesPerFrame) bytes. \(Self.convert)")
        }
        guard byteRate == sampleRate * blockAlign else {
            throw wrong(
                "the byte rate is \(byteRate), but \(sampleRate) Hz times \(blockAlign) bytes is "
                    + "\(sampleRate * blockAlign): the sample rate cannot be trusted. \(Self.convert)")
        }
        return format
    }

    /// WAVEFORMATEXTENSIBLE: the tag is the start of a GUID whose rest is fixed.
    private func extensibleTag(_ body: [UInt8], bits: Int) throws -> UInt16 {
        guard body.count >= 40, body.uint16(at: 16) >= 22 else {
            throw wrong("an EXTENSIBLE 'fmt ' chunk of \(body.count) bytes; expected 40. \(Self.again)")
        }
        let valid = Int(body.uint16(at: 18))
        guard (1...max(1, bits)).contains(valid) else {
            throw wrong("\(valid) valid bits in samples of \(bits) bits. \(Self.convert)")
        }
        let tail: [UInt8] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]
        guard Array(body[26..<40]) == tail else {
            throw wrong("an EXTENSIBLE sample format of an unknown GUID; PCM or float was expected. \(Self.convert)")
        }
        return body.uint16(at: 24)
    }

    private static func encoding(tag: UInt16, bits: Int) -> WAVFormat.Encoding? {
        switch (tag, bits) {
        case (1, 8): return .unsigned8
        case (1, 16): return .signed16
        case (1, 24): return .signed24
        case (1, 32): return .signed32
        case (3, 32): return .float32
        case (3, 64): return .float64
        default: return nil
        }
    }

    private static func codecName(_ tag: UInt16) -> String {
        switch tag {
        case 2, 0x11: return "ADPCM (format \(tag))"
        case 6: return "A-law (format 6)"
        case 7: return "mu-law (format 7)"
        case 0x31: return "GSM 6.10 (format 49)"
        case 0x50, 0x55: return "MPEG (format \(tag))"
        default: return "format \(tag)"
        }
    }
}

extension [UInt8] {
    /// Little-endian; the caller has checked the length.
    func uint16(at offset: Int) -> UInt16 { UInt16(self[offset]) | UInt16(self[offset + 1]) << 8 }
    func uint32(at offset: Int) -> UInt32 { UInt32(uint16(at: offset)) | UInt32(uint16(at: offset + 2)) << 16 }
}
