import Foundation

/// Strict reader and writer of RIFF/WAVE files.
///
/// Read: PCM of 8, 16, 24, 32 bits and float of 32, 64 bits, plain or EXTENSIBLE, within `AudioLimits`. A header that
/// contradicts itself or the file's real size is refused: a wrong rate or a cut clip would otherwise spoil results in
/// silence.
public enum WAVFile {
    /// Reads a WAV file as one mono waveform at its own rate; channels are averaged. Throws `SpeechError`.
    public static func read(_ url: URL) throws -> Waveform { try read(ByteSource(file: url)) }

    /// The same from memory; `name` is what errors call it.
    public static func read(bytes: [UInt8], name: String) throws -> Waveform {
        try read(ByteSource(bytes: bytes, name: name))
    }

    static func read(_ source: ByteSource) throws -> Waveform {
        let (format, data) = try WAVChunks(source).parse()
        let frames = data.count / format.bytesPerFrame
        try AudioLimits.check(
            frames: frames, sampleRate: format.sampleRate, channels: format.channels, source: source.name)
        let samples = try format.decode(source, data: data, frames: frames)
        return Waveform(samples: samples, sampleRate: format.sampleRate)
    }
}

/// What the `fmt ` chunk says, checked.
struct WAVFormat {
    enum Encoding { case unsigned8, signed16, signed24, signed32, float32, float64 }
    let encoding: Encoding
    let channels: Int
    let sampleRate: Int

    var bytesPerSample: Int {
        switch encoding {
        case .unsigned8: return 1
        case .signed16: return 2
        case .signed24: return 3
        case .signed32, .float32: return 4
        case .float64: return 8
        }
    }
    var bytesPerFrame: Int { bytesPerSample * channels }
}
