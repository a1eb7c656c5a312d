import type { SocketLike } from "@upwire/client";
import type { Wire } from "./wire.ts";

type Listener = ((event: never) => void) | null;

/** A `WebSocket` for the real client whose bytes go over a wire of the model. */
export class BridgeSocket implements SocketLike {
  readonly protocol = "upwire.v1";
  readonly extensions = "";
  readonly bufferedAmount = 0;
  readyState: 0 | 1 | 2 | 3 = 0;
  binaryType = "arraybuffer";
  onopen: Listener = null;
  onmessage: Listener = null;
  onerror: Listener = null;
  onclose: Listener = null;
  wire: Wire | undefined;
  /** It has not read all the time. */
  wasSlow = false;

  opened(wire: Wire): void {
    if (this.readyState !== 0) {
      wire.cut({ inMidFrame: false, below: () => 0 });
      return;
    }
    this.wire = wire;
    this.readyState = 1;
    this.#tell(this.onopen, {});
  }

  send(data: string): void {
    this.wire?.send(data);
  }

  close(): void {
    this.wire?.cut({ inMidFrame: false, below: () => 0 });
    this.ended(1000);
  }

  /** @returns the code with which the server ended it. */
  pump(): number | undefined {
    const { wire } = this;
    if (wire === undefined || this.readyState !== 1) return undefined;
    this.read(wire.take());
    const code = wire.closedWith;
    if (code !== undefined) this.ended(code);
    return code;
  }

  read(texts: readonly string[]): void {
    for (const data of texts) this.#tell(this.onmessage, { data, origin: "", lastEventId: "" });
  }

  ended(code: number): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#tell(this.onclose, { code, reason: "", wasClean: code !== 1006 });
  }

  #tell(listener: Listener, event: object): void {
    listener?.(event as never);
  }
}
