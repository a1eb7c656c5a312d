import type { FrameSink, MakeReader, ReaderKind, StreamSink } from "./frame-reader.ts";
import { StreamedMessage } from "./incoming-stream.ts";
import { MessageReader } from "./message-reader.ts";
import { loadWs, WsReader } from "../ws/ws-reader.ts";

/** How the readers of an Upgrader are made. */
export interface Readers {
  /** For a handler that takes whole messages. */
  readonly whole: MakeReader;
  /** For one that takes streams. */
  readonly streaming: MakeReader;
}

/** @throws TypeError for another kind. @throws Error when `ws` is asked for and cannot be found. */
export function compileReaders(kind: ReaderKind): Readers {
  switch (kind) {
    case "own":
      return {
        whole: (sink, setup) => new MessageReader(sink, setup),
        streaming: (sink, setup) => new MessageReader(sink, setup, { sink, maxBytes: setup.limits.maxStreamBytes }),
      };
    case "ws": {
      const classes = loadWs();
      return {
        whole: (sink, { limits, inflates }) => new WsReader(sink, limits, inflates, classes),
        streaming: (sink, { limits, inflates }) => new WsReader(inOneChunk(sink), limits, inflates, classes),
      };
    }
    default:
      throw new TypeError(`reader: ${JSON.stringify(kind)} is not allowed; write "own" or "ws"`);
  }
}

/** Gives each whole message as a stream that is complete. */
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
