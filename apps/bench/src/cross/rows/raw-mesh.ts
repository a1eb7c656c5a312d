import { once } from "node:events";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { nothing, type CrossRow } from "../row.ts";

const HEADER = 4;

/** Frames with a length of four bytes over one Unix socket, written once for each turn: no topics, no state, no bounds. */
export const rawMesh: CrossRow = {
  label: "Unix socket, frames with a length",
  kind: "control",
  through: "mesh",
  async start({ role, folder }, onText) {
    const path = join(folder, "raw.sock");
    if (role === "publisher") {
      const socket = connect(path);
      await once(socket, "connect");
      return { publish: writer((bytes) => socket.write(bytes)), stop: () => socket.destroy() };
    }
    const server = createServer((socket) => socket.on("data", reader(onText)));
    await once(server.listen(path), "listening");
    return { publish: nothing, stop: () => server.close() };
  },
};

function writer(write: (bytes: Buffer) => unknown): (text: string) => void {
  let waiting: Buffer[] = [];
  return (text) => {
    const frame = Buffer.allocUnsafe(HEADER + text.length);
    frame.writeUInt32BE(text.length);
    frame.write(text, HEADER, "latin1");
    if (waiting.push(frame) > 1) return;
    queueMicrotask(() => {
      write(Buffer.concat(waiting));
      waiting = [];
    });
  };
}

function reader(onText: (text: string) => void): (bytes: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (bytes) => {
    const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    let at = 0;
    while (all.length - at >= HEADER) {
      const end = at + HEADER + all.readUInt32BE(at);
      if (end > all.length) break;
      onText(all.toString("latin1", at + HEADER, end));
      at = end;
    }
    rest = all.subarray(at);
  };
}
