import { once } from "node:events";
import { constants, deflateRawSync } from "node:zlib";
import { encodeClientFrame, Opcode } from "@upwire/testing";
import { describe, expect, it } from "vitest";
import type { FrameSink } from "../../src/wire/frame-reader.ts";
import { WsReader } from "../../src/ws/ws-reader.ts";

describe("the Receiver of ws behind our seam", () => {
  it("survives a broken frame and more, that come while it inflates (ws 8.23.0 ends the process)", async () => {
    const lines: string[] = [];
    const fault = new EventTarget();
    const sink: FrameSink = {
      onMessage: (bytes) => void lines.push(`message ${bytes.byteLength}`),
      onPing: () => {},
      onPong: () => {},
      onClose: () => {},
      onFault(error) {
        lines.push(`fault ${error.closeCode}`);
        fault.dispatchEvent(new Event("fault"));
      },
      onReady: () => {},
    };
    const reader = new WsReader(sink, { limits: { maxMessageBytes: 1 << 20, maxFragments: 8 }, inflates: true });
    const deflated = deflateRawSync(Buffer.alloc(1000), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
    const over = once(fault, "fault");
    expect(reader.read(encodeClientFrame({ opcode: Opcode.binary, rsv: 4, payload: deflated }))).toBe(true);
    // An invalid close code, and as many bytes as its payload had.
    expect(reader.read(encodeClientFrame({ opcode: Opcode.close, payload: Buffer.of(0, 1) }))).toBe(false);
    expect(reader.read(Buffer.alloc(20, 1))).toBe(false);
    await over;
    // An exception of its own would come by now.
    await new Promise((turn) => setImmediate(turn));
    expect(lines).toEqual(["message 1000", "fault 1002"]);
    reader.release();
  });
});
