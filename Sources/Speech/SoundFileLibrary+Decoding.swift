extension SoundFileLibrary {
    /// The containers that may be opened; the library's other formats stay shut, hostile files have lived there.
    enum Container: Int32 {
        case flac = 0x17_0000
        case ogg = 0x20_0000
        case mpeg = 0x23_0000
        var name: String {
            switch self {
            case .flac: return "FLAC"
            case .ogg: return "Ogg"
            case .mpeg: return "MP3"
            }
        }
    }

    private static let blockFrames = 4096

    /// Decodes block by block; the limits are counted on what comes out, whatever the header claims.
    static func read(_ source: ByteSource, container: Container) throws -> Waveform {
        guard source.count <= AudioLimits.maximumCompressedBytes else {
            throw SpeechError(
                "\(source.name): \(source.count >> 20) MiB of \(container.name); at most "
                    + "\(AudioLimits.maximumCompressedBytes >> 20) MiB are read. Cut it into shorter clips.")
        }
        let library = try functions()
        let cursor = Cursor(source)
        return try withExtendedLifetime(cursor) {
            var info = Info()
            let handle = try open(library, cursor, &info, container)
            defer { _ = library.close(handle) }
            return try decode(library, handle, info, source, container)
        }
    }

    private static func open(
        _ library: Functions, _ cursor: Cursor, _ info: inout Info, _ container: Container
    ) throws -> Functions.Handle {
        // Under the lock: without a handle the error text is a global of the library.
        try state.withLock {
            var io = virtualIO
            let handle = withUnsafeMutablePointer(to: &io) { io in
                withUnsafeMutablePointer(to: &info) { info in
                    library.open(io, 0x10, info, Unmanaged.passUnretained(cursor).toOpaque())  // SFM_READ
                }
            }
            guard let handle else {
                let reason = library.errorText(nil).map { String(cString: $0) } ?? "no reason given"
                throw damaged(cursor.source, container, reason)
            }
            return handle
        }
    }

    private static func decode(
        _ library: Functions, _ handle: Functions.Handle, _ info: Info, _ source: ByteSource, _ container: Container
    ) throws -> Waveform {
        guard info.format & 0x0fff_0000 == container.rawValue else {
            throw damaged(source, container, "its inside is of another format")
        }
        let (rate, channels) = (Int(info.sampleRate), Int(info.channels))
        try AudioLimits.check(sampleRate: rate, channels: channels, source: source.name)
        let limit = AudioLimits.maximumFrames(sampleRate: rate, channels: channels)
        var samples: [Float] = []
        let block = UnsafeMutablePointer<Float>.allocate(capacity: blockFrames * channels)
        defer { block.deallocate() }
        while true {
            let got = Int(library.readFloats(handle, block, Int64(blockFrames)))
            guard got > 0 else { break }
            guard samples.count + got <= limit, got <= blockFrames else {
                throw SpeechError(
                    AudioLimits.tooLong(sampleRate: rate, channels: channels, source: source.name, frames: nil))
            }
            for frame in 0..<got {
                var sum: Float = 0
                for channel in 0..<channels {
                    let sample = block[frame * channels + channel]
                    try AudioLimits.check(sample: sample, at: samples.count, source: source.name)
                    sum += sample
                }
                samples.append(sum / Float(channels))
            }
        }
        guard library.error(handle) == 0 else {
            let reason = library.errorText(handle).map { String(cString: $0) } ?? "no reason given"
            throw damaged(source, container, reason)
        }
        guard !samples.isEmpty else { throw SpeechError("\(source.name): 0 samples. Record it again.") }
        // A FLAC header counts its samples (a streamed one may leave it open: a huge number); the others only guess.
        if container == .flac, info.frames < Int64(1) << 36, info.frames != Int64(samples.count) {
            throw damaged(source, container, "\(samples.count) of \(info.frames) samples are there")
        }
        return Waveform(samples: samples, sampleRate: rate)
    }

    private static func damaged(_ source: ByteSource, _ container: Container, _ reason: String) -> SpeechError {
        SpeechError("\(source.name): this \(container.name) file cannot be decoded (\(reason)). Export it again.")
    }
}

extension SoundFileLibrary {
    /// A place in a byte source, handed to the library's callbacks.
    private final class Cursor {
        let source: ByteSource
        var offset = 0
        init(_ source: ByteSource) { self.source = source }

        static func from(_ user: UnsafeMutableRawPointer?) -> Cursor? {
            user.map { Unmanaged<Cursor>.fromOpaque($0).takeUnretainedValue() }
        }
    }

    private static var virtualIO: VirtualIO {
        VirtualIO(
            length: { user in Int64(Cursor.from(user)?.source.count ?? 0) },
            seek: { offset, whence, user in
                guard let cursor = Cursor.from(user) else { return -1 }
                let bases = [0, cursor.offset, cursor.source.count]  // SEEK_SET, SEEK_CUR, SEEK_END
                guard bases.indices.contains(Int(whence)) else { return -1 }
                let (target, overflow) = bases[Int(whence)].addingReportingOverflow(Int(offset))
                guard !overflow, target >= 0 else { return -1 }
                cursor.offset = target
                return Int64(target)
            },
            read: { memory, count, user in
                guard let cursor = Cursor.from(user), let memory, count > 0 else { return 0 }
                let buffer = UnsafeMutableRawBufferPointer(start: memory, count: Int(count))
                let got = cursor.source.read(into: buffer, at: cursor.offset)
                cursor.offset += got
                return Int64(got)
            },
            write: { _, _, _ in 0 },
            tell: { user in Int64(Cursor.from(user)?.offset ?? 0) })
    }
}
