import type { FrameSink, StreamSink } from "../wire/frame-reader.ts";
import { StreamedMessage } from "../wire/incoming-stream.ts";
import type { Readers } from "../wire/readers.ts";
import { loadWs, WsReader } from "./ws-reader.ts";

/**
 * The Receiver of `ws` in place of our own reader, to compare with: `new Upgrader({ readers: wsReaders() })`. A message comes as a
 * stream of one chunk, of at most `maxMessageBytes`. In a bundle, `ws` must be in `node_modules` beside it.
 * @throws Error when `ws` cannot be found.
 */
export function wsReaders(): Readers {
  const classes = loadWs();
  return {
    whole: (sink, setup) => new WsReader(sink, setup, classes),
    streaming: (sink, setup) => new WsReader(inOneChunk(sink), setup, classes),
  };
}

/** Each whole message as a stream that is complete. */
function inOneChunk(sink: StreamSink): FrameSink {
  return {
    onMessage(message) {
      sink.onStream(StreamedMessage.of(message));
      sink.onStreamBytes(message.byteLength);
    },
    onPing: (data) => sink.onPing(data),
    onPong: (data) => sink.onPong(data),
    onClose: (code, reason) => sink.onClose(code, reason),
    onFault: (error) => sink.onFault(error),
    onReady: () => sink.onReady(),
  };
}
