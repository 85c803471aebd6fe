import Foundation

/// Reads speech from disk or memory.
///
/// ```swift
/// let speech = try Resampler.resample(AudioFile.read(url), to: 16000)
/// ```
public enum AudioFile {
    /// Reads a WAV, FLAC, MP3, Ogg Vorbis or Opus file as one mono waveform at its own rate; channels are averaged.
    ///
    /// The format is told by the content, not by the name. Throws `SpeechError` for anything that is not such a file
    /// or exceeds `AudioLimits`.
    public static func read(_ url: URL) throws -> Waveform { try read(ByteSource(file: url)) }

    /// The same from memory; `name` is what errors call it.
    public static func read(bytes: [UInt8], name: String) throws -> Waveform {
        try read(ByteSource(bytes: bytes, name: name))
    }

    /// Looks at the first bytes only; throws what `read` would throw for a file that is of no kind it reads.
    /// - Returns: the file's size in bytes.
    public static func recognise(_ url: URL) throws -> Int {
        let source = try ByteSource(file: url)
        if case .refused(let sentence) = try AudioFormat.detect(source) {
            throw SpeechError("\(source.name): this is \(sentence)")
        }
        return source.count
    }

    private static func read(_ source: ByteSource) throws -> Waveform {
        switch try AudioFormat.detect(source) {
        case .wav: return try WAVFile.read(source)
        case .flac: return try SoundFileLibrary.read(source, container: .flac)
        case .ogg: return try SoundFileLibrary.read(source, container: .ogg)
        case .mpeg: return try SoundFileLibrary.read(source, container: .mpeg)
        case .refused(let sentence): throw SpeechError("\(source.name): this is \(sentence)")
        }
    }
}
