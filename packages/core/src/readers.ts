import type { MakeReader, ReaderKind } from "./frame-reader.ts";
import { OwnReader } from "./own-reader.ts";
import { loadWs, WsReader } from "./ws-reader.ts";

/** @throws TypeError for another kind. @throws Error when `ws` is asked for and cannot be found. */
export function compileReader(kind: ReaderKind): MakeReader {
  switch (kind) {
    case "own":
      return (sink, limits, inflates, now, budget) => new OwnReader(sink, limits, inflates, now, budget);
    case "ws": {
      const classes = loadWs();
      return (sink, limits, inflates) => new WsReader(sink, limits, inflates, classes);
    }
    default:
      throw new TypeError(`reader: ${JSON.stringify(kind)} is not allowed; write "own" or "ws"`);
  }
}
