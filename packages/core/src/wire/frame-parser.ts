import type { Fault } from "../base/errors.ts";
import { MAX_CONTROL_BYTES } from "../base/close-code.ts";
import type { Assembler } from "./assembler.ts";
import { faults } from "./faults.ts";
import { Opcode } from "./frame.ts";

/** What the next byte is. The numbers are only names. */
const State = { first: 0, second: 1, length: 2, mask: 3, payload: 4 } as const;

const MAX_HIGH_WORD = 0x1fffff; // The 64-bit length is held in a double, exact up to here; limits end far below.

/** What a parser tells of the headers of data frames, and who may find a fault in them. */
export interface FrameHost {
  readonly assembler: Pick<Assembler, "begin" | "nextFragment" | "declare">;
}

/**
 * Reads the headers of RFC 6455 frames byte by byte, since TCP may cut them anywhere, and finds each fault at the byte that
 * makes it. It knows where in a frame the stream is, and where in a fragmented message; the payloads are not its concern.
 */
export class FrameParser {
  // The frame that is being read.
  opcode = 0;
  mask = 0;
  /** Whether it is the last of its message. */
  isFinal = false;
  /** Bytes of the payload that came. */
  position = 0;
  /** Length of the payload. */
  length = 0;

  readonly #host: FrameHost;
  /** Whether permessage-deflate was agreed. */
  readonly #inflates: boolean;
  #state: number = State.first;
  #isLong = false;
  /** Bytes of the length or the mask that are still to come. */
  #missing = 0;
  /** A message has begun, and its last frame has not ended. */
  #isInMessage = false;

  constructor(host: FrameHost, { inflates }: { readonly inflates: boolean }) {
    this.#host = host;
    this.#inflates = inflates;
  }

  /** The next byte begins a frame. */
  get isBetweenFrames(): boolean {
    return this.#state === State.first;
  }

  /** The next byte begins a frame, and no message is incomplete. */
  get isBetweenMessages(): boolean {
    return this.#state === State.first && !this.#isInMessage;
  }

  /** A message is incomplete. */
  get isInMessage(): boolean {
    return this.#isInMessage;
  }

  get isControl(): boolean {
    return this.opcode >= Opcode.close;
  }

  /** The header is complete. */
  get isInPayload(): boolean {
    return this.#state === State.payload;
  }

  /** The frame is complete: `endFrame` follows. */
  get isComplete(): boolean {
    return this.#state === State.payload && this.position === this.length;
  }

  /** Takes the next byte of a header. @returns what is wrong with it; after that nothing may follow. */
  readHeader(byte: number): Fault | undefined {
    if (this.#state === State.first) return this.#readFirst(byte);
    if (this.#state === State.second) return this.#readSecond(byte);
    if (this.#state === State.length) return this.#readLength(byte);
    this.#readMask(byte);
    return undefined;
  }

  /** The next byte begins another frame. */
  endFrame(): void {
    this.#state = State.first;
    if (this.isFinal && !this.isControl) this.#isInMessage = false;
  }

  #readFirst(byte: number): Fault | undefined {
    const opcode = byte & 0x0f;
    const isCompressed = (byte & 0x40) !== 0;
    this.opcode = opcode;
    this.isFinal = (byte & 0x80) !== 0;
    this.#state = State.second;
    // RFC 6455 §5.2: reserved bits are for extensions, and ours has the first one.
    if ((byte & 0x30) !== 0) return faults.reservedBits;
    if (opcode > Opcode.pong || (opcode > Opcode.binary && opcode < Opcode.close)) return faults.unknownOpcode(opcode);
    // RFC 7692 §6.1: it marks the first frame of a message, and no control frame.
    if (isCompressed && !this.#inflates) return faults.compressionNotAgreed;
    if (opcode >= Opcode.close) {
      // RFC 6455 §5.5.
      if (!this.isFinal) return faults.fragmentedControl;
      return isCompressed ? faults.compressedControl : undefined;
    }
    // RFC 6455 §5.4: the fragments of two messages do not mix.
    if (opcode === Opcode.continuation) {
      if (!this.#isInMessage) return faults.strayContinuation;
      return isCompressed ? faults.compressedContinuation : this.#host.assembler.nextFragment();
    }
    if (this.#isInMessage) return faults.interleavedMessage;
    this.#isInMessage = true;
    this.#host.assembler.begin(byte);
    return undefined;
  }

  #readSecond(byte: number): Fault | undefined {
    // RFC 6455 §5.1: a client masks every frame.
    if ((byte & 0x80) === 0) return faults.notMasked;
    const length = byte & 0x7f;
    if (this.isControl && length > MAX_CONTROL_BYTES) return faults.longControl;
    if (length < 126) return this.#beginMask(length);
    this.length = 0;
    this.#isLong = length === 127;
    this.#missing = this.#isLong ? 8 : 2;
    this.#state = State.length;
    return undefined;
  }

  #readLength(byte: number): Fault | undefined {
    // RFC 6455 §5.2: the most significant bit of the 64-bit form is 0.
    if (this.#missing === 8 && byte >= 0x80) return faults.lengthTooLong;
    this.length = this.length * 256 + byte;
    this.#missing--;
    if (this.#missing > 0) return this.#missing === 4 && this.length > MAX_HIGH_WORD ? this.#host.assembler.declare(Infinity) : undefined;
    // And the shortest form must be used.
    if (this.length < (this.#isLong ? 0x10000 : 126)) return faults.lengthNotShortest;
    return this.#beginMask(this.length);
  }

  #beginMask(length: number): Fault | undefined {
    this.length = length;
    this.mask = 0;
    this.#missing = 4;
    this.#state = State.mask;
    return this.isControl ? undefined : this.#host.assembler.declare(length);
  }

  #readMask(byte: number): void {
    this.mask = (this.mask << 8) | byte;
    if (--this.#missing > 0) return;
    this.position = 0;
    this.#state = State.payload;
  }
}
