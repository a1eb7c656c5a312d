import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import type { DeflateOffer } from "./extension-offers.ts";

/** RFC 7692 §7.2.1: what a sync flush ends in, and what does not go on the wire. */
const TAIL = Buffer.of(0, 0, 0xff, 0xff);
/** More than any case sends: a server that echoes a bomb shall not hurt the judge. */
const MAX_INFLATED_BYTES = 8 * 1024 * 1024;

/** A client's two windows, kept or thrown away as the server's answer says. */
export class DeflateSession {
  readonly #agreed: DeflateOffer;
  #sent: Buffer = Buffer.alloc(0);
  #received: Buffer = Buffer.alloc(0);

  constructor(agreed: DeflateOffer) {
    this.#agreed = agreed;
  }

  deflate(payload: Uint8Array): Buffer {
    const { clientMaxWindowBits: bits, clientNoContextTakeover } = this.#agreed;
    // zlib cannot deflate with a window of 256 bytes.
    const windowBits = Math.max(9, typeof bits === "number" ? bits : 15);
    const known = clientNoContextTakeover || this.#sent.byteLength === 0 ? {} : { dictionary: this.#sent };
    const deflated = deflateRawSync(payload, { windowBits, finishFlush: constants.Z_SYNC_FLUSH, ...known });
    this.#sent = Buffer.concat([this.#sent, payload]).subarray(-(2 ** windowBits));
    return deflated.subarray(0, -TAIL.byteLength);
  }

  /** @throws Error for what is no deflate, or what reaches back over the window that the server agreed to. */
  inflate(payload: Uint8Array): Buffer {
    const { serverMaxWindowBits: windowBits = 15, serverNoContextTakeover } = this.#agreed;
    const known = serverNoContextTakeover || this.#received.byteLength === 0 ? {} : { dictionary: this.#received };
    const inflated = inflateRawSync(Buffer.concat([payload, TAIL]), {
      windowBits,
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: MAX_INFLATED_BYTES,
      // zlib sees the window's size only between two outputs. Small ones make it look.
      ...(windowBits < 15 ? { chunkSize: 64 } : {}),
      ...known,
    });
    this.#received = Buffer.concat([this.#received, inflated]).subarray(-(2 ** windowBits));
    return inflated;
  }
}
