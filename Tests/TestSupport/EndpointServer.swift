import Foundation

/// A speech endpoint on this machine, a Python process of the standard library, that answers by the voice it is asked for: `good`,
/// `stereo`, `streamed`, `html`, `huge`, `truncated`, `cut`, `silent`, `redirect`, `forbidden`, `float`, `rude`, `down`, and
/// `flaky`, which fails twice (500, then 429) before it speaks.
public final class EndpointServer {
    public let url: String
    private let process = Process()
    private let log: URL

    /// What it was asked, a JSON line a request with `path`, `authorization`, `body`.
    public var requests: [[String: Any]] {
        ((try? String(contentsOf: log, encoding: .utf8)) ?? "").split(separator: "\n").compactMap {
            try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }
    }

    /// nil where there is no python3.
    public init?(in folder: URL) throws {
        let script = folder.appendingPathComponent("server.py"), port = folder.appendingPathComponent("port")
        log = folder.appendingPathComponent("requests.jsonl")
        try Data(Self.source.utf8).write(to: script)
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", script.path, port.path, log.path]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        do { try process.run() } catch { return nil }
        var found = ""
        for _ in 0..<500 where found.isEmpty && process.isRunning {
            usleep(20_000)
            found = (try? String(contentsOf: port, encoding: .utf8)) ?? ""
        }
        guard let number = Int(found.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            process.terminate()
            return nil
        }
        url = "http://127.0.0.1:\(number)"
    }

    deinit {
        if process.isRunning { process.terminate() }
        process.waitUntilExit()
    }

    private static let source = #"""
        import array, http.server, io, json, math, os, sys, threading, wave

        def sound(channels=1, seconds=1.0):
            # A voiced buzz: praat has to find a pitch in it.
            rate = 24000
            values = [sum(math.sin(2 * math.pi * 140 * k * t / rate) / k for k in range(1, 20)) for t in range(int(rate * seconds))]
            pcm = array.array("h", [int(9000 * v / 2) for v in values for _ in range(channels)])
            out = io.BytesIO()
            with wave.open(out, "wb") as file:
                file.setnchannels(channels), file.setsampwidth(2), file.setframerate(rate)
                file.writeframes(pcm.tobytes())
            return out.getvalue()

        WAV, tries, crowd = sound(), {}, threading.Barrier(5)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def log_message(self, *_): pass
            def send(self, data, code=200, kind="audio/wav", length=None, **headers):
                self.send_response(code)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data) if length is None else length))
                for name, value in headers.items(): self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(data)
                self.close_connection = True
            def do_GET(self):
                self.send(b"", 404)
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with open(sys.argv[2], "a") as log:
                    log.write(json.dumps({"path": self.path, "authorization": self.headers.get("Authorization", ""), "body": body}) + "\n")
                voice = body["voice"]
                tries[voice] = tries.get(voice, 0) + 1
                if voice == "stereo": self.send(sound(2))
                elif voice == "streamed": self.send(WAV[:4] + b"\xff" * 4 + WAV[8:40] + b"\xff" * 4 + WAV[44:])
                elif voice == "html": self.send(b"<html>Sign in</html>", kind="text/html")
                elif voice == "huge": self.send(WAV[:44] + bytes(40 << 20))
                elif voice == "truncated": self.send(WAV[:9000], length=len(WAV))
                elif voice == "cut": self.send(WAV[:9000])
                elif voice == "silent": self.send(WAV[:44] + bytes(len(WAV) - 44))
                elif voice == "float": self.send(WAV[:20] + b"\x03\x00" + WAV[22:])
                elif voice == "redirect": self.send(b"", 302, Location="http://127.0.0.1:9/elsewhere")
                elif voice == "forbidden":
                    self.send(json.dumps({"error": {"message": "wrong key " + self.headers.get("Authorization", "")}}).encode(), 401)
                elif voice == "rude": self.wfile.write(b"go away\n\n"); self.close_connection = True
                elif voice == "crowd":  # answered only when five ask at once
                    try: crowd.wait(20); self.send(WAV)
                    except threading.BrokenBarrierError: self.send(b"alone", 400)
                elif voice == "down": self.send(b"oh no", 503)
                elif voice == "flaky" and tries[voice] == 1: self.send(b"oh no", 500)
                elif voice == "flaky" and tries[voice] == 2: self.send(b"slower", 429, Retry_After="0")
                else: self.send(WAV)

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        with open(sys.argv[1] + ".new", "w") as file: file.write(str(server.server_port))
        os.rename(sys.argv[1] + ".new", sys.argv[1])
        server.serve_forever()
        """#
}
