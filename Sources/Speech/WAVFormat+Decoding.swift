extension WAVFormat {
    private static let blockFrames = 8192

    /// `frames` frames of `data`, channels averaged, block by block: beside the result only one block is held.
    func decode(_ source: ByteSource, data: Range<Int>, frames: Int) throws -> [Float] {
        var samples: [Float] = []
        samples.reserveCapacity(frames)
        let size = bytesPerFrame
        let block = UnsafeMutableRawBufferPointer.allocate(
            byteCount: min(frames, Self.blockFrames) * size, alignment: 16)
        defer { block.deallocate() }
        while samples.count < frames {
            let count = min(Self.blockFrames, frames - samples.count)
            let piece = UnsafeMutableRawBufferPointer(rebasing: block[0..<count * size])
            guard source.read(into: piece, at: data.lowerBound + samples.count * size) == piece.count else {
                throw SpeechError("\(source.name): the file shrank while it was read. Read it again.")
            }
            try append(UnsafeRawBufferPointer(piece), frames: count, to: &samples, source: source.name)
        }
        return samples
    }

    private func append(_ bytes: UnsafeRawBufferPointer, frames: Int, to out: inout [Float], source: String) throws {
        switch encoding {
        case .unsigned8: mix(frames, &out, 1 / 128) { Float(Int(bytes[$0]) - 128) }
        case .signed16:
            mix(frames, &out, 1 / 32_768) {
                Float(Int16(littleEndian: bytes.loadUnaligned(fromByteOffset: 2 * $0, as: Int16.self)))
            }
        case .signed24:
            mix(frames, &out, 1 / 8_388_608) {
                let high = Int32(Int8(bitPattern: bytes[3 * $0 + 2])) << 16
                return Float(high | Int32(bytes[3 * $0 + 1]) << 8 | Int32(bytes[3 * $0]))
            }
        case .signed32:
            mix(frames, &out, 1 / 2_147_483_648) {
                Float(Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self)))
            }
        case .float32:
            try check(frames, from: out.count, source) { float32(bytes, $0) }
            mix(frames, &out, 1) { float32(bytes, $0) }
        case .float64:
            try check(frames, from: out.count, source) { float64(bytes, $0) }
            mix(frames, &out, 1) { float64(bytes, $0) }
        }
    }

    private func float32(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Float {
        Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)))
    }

    private func float64(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Float {
        Float(Double(bitPattern: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))))
    }

    /// Every channel's sample is judged, not the mean: opposite infinities must not hide each other.
    private func check(_ frames: Int, from start: Int, _ source: String, _ sample: (Int) -> Float) throws {
        for index in 0..<frames * channels {
            try AudioLimits.check(sample: sample(index), at: start + index / channels, source: source)
        }
    }

    @inline(__always)
    private func mix(_ frames: Int, _ out: inout [Float], _ scale: Float, _ sample: (Int) -> Float) {
        if channels == 1 {
            for frame in 0..<frames { out.append(sample(frame) * scale) }
            return
        }
        let scale = scale / Float(channels)
        for frame in 0..<frames {
            var sum: Float = 0
            for channel in 0..<channels { sum += sample(frame * channels + channel) }
            out.append(sum * scale)
        }
    }
}
