import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

extension WAVFile {
    /// Writes 16-bit mono PCM: beside the target, synced, then renamed, so that the file is whole or absent.
    ///
    /// Samples are rounded and clipped at full scale. Throws `SpeechError` for a waveform that `read` would refuse
    /// and for a file that cannot be written.
    public static func write(_ waveform: Waveform, to url: URL) throws {
        try AtomicBytes.write(encode(waveform, name: url.path), to: url)
    }

    /// The bytes that `write` writes: what an HTML page or a request can carry.
    public static func encode(_ waveform: Waveform, name: String = "waveform") throws -> [UInt8] {
        let (samples, rate) = (waveform.samples, waveform.sampleRate)
        try AudioLimits.check(sampleRate: rate, channels: 1, source: name)
        guard !samples.isEmpty else { throw SpeechError("\(name): 0 samples; nothing to write.") }
        try AudioLimits.check(frames: samples.count, sampleRate: rate, channels: 1, source: name)
        let dataSize = 2 * samples.count
        var bytes: [UInt8] = []
        bytes.reserveCapacity(44 + dataSize)
        func append16(_ value: UInt16) { bytes += [UInt8(truncatingIfNeeded: value), UInt8(value >> 8)] }
        func append32(_ value: Int) {
            for shift in stride(from: 0, to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
        }
        bytes += "RIFF".utf8
        append32(36 + dataSize)
        bytes += "WAVEfmt ".utf8
        append32(16)
        append16(1)  // PCM
        append16(1)  // one channel
        append32(rate)
        append32(2 * rate)
        append16(2)
        append16(16)
        bytes += "data".utf8
        append32(dataSize)
        for (index, sample) in samples.enumerated() {
            guard sample.isFinite else { throw SpeechError("\(name): sample \(index) is \(sample); not written.") }
            append16(UInt16(bitPattern: Int16(max(-32_768, min(32_767, (sample * 32_768).rounded())))))
        }
        return bytes
    }
}

/// Writes bytes beside the target, syncs and renames: the same promise as the checkpoints' writer, a room this one
/// may not import.
enum AtomicBytes {
    static func write(_ bytes: [UInt8], to url: URL) throws {
        let temporary = url.path + ".partial-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        func wrong(_ step: String) -> SpeechError {
            let reason = String(cString: strerror(errno))
            return SpeechError(
                "\(url.path): \(step) failed (\(reason)) writing \(bytes.count) bytes. Nothing was kept.")
        }
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw wrong("creating a file beside it") }
        var renamed = false
        defer { if !renamed { unlink(temporary) } }
        do {
            defer { close(descriptor) }
            try bytes.withUnsafeBytes { buffer in
                var done = 0
                while done < buffer.count {
                    let got = systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: buffer[done...]))
                    if got < 0 && errno == EINTR { continue }
                    guard got > 0 else { throw wrong("writing") }
                    done += got
                }
            }
            guard fsync(descriptor) == 0 else { throw wrong("syncing") }
        }
        guard rename(temporary, url.path) == 0 else { throw wrong("renaming") }
        renamed = true
        let folder = open(url.deletingLastPathComponent().path, O_RDONLY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)  // the name itself; some file systems refuse, and the content is safe already
            close(folder)
        }
    }

    /// Apart, because inside `write` the name would mean this type's own function.
    private static func systemWrite(_ descriptor: Int32, _ buffer: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
            return Glibc.write(descriptor, buffer.baseAddress, buffer.count)
        #elseif canImport(Musl)
            return Musl.write(descriptor, buffer.baseAddress, buffer.count)
        #else
            return Darwin.write(descriptor, buffer.baseAddress, buffer.count)
        #endif
    }
}
