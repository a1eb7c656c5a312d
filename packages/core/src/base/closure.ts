import type { Retry } from "@upwire/protocol";
import { isSendableCloseCode, MAX_REASON_BYTES } from "./close-code.ts";
import { isPlainObject, kindOfObject } from "./kind-of.ts";
import { readOptions, kinds, type OptionKinds } from "./option-check.ts";

/** Why a layer above ends a connection, in the layer's own words. */
export interface Closure {
  /** The stable name under which it is counted, logged and published: 1 to 64 of A-Z, a-z, 0-9, `_`, `.` and `-`, such as `ERR_TOKEN_EXPIRED`. */
  readonly code: string;
  /** What the client gets: 4000 to 4999, or another code that may stand in a close frame. */
  readonly closeCode: number;
  /** What the client should do, which the page or client has to know from `closeCode`. */
  readonly retry: Retry;
  /** The reason in the close frame, at most 123 bytes of UTF-8, and the message of the error. @default the code */
  readonly text?: string;
  /** What exactly was wrong, for the handler's `error` hook and subscribers. It is neither sent nor logged. */
  readonly detail?: unknown;
}

/** A closure that was looked at and cannot change any more. */
export type CheckedClosure = Readonly<Required<Closure>>;

const CODE = /^[\w.-]{1,64}$/;

const closureKinds: OptionKinds<Closure> = {
  code: {
    right: 'a name such as "ERR_TOKEN_EXPIRED", 1 to 64 letters, digits, "_", "." or "-"',
    fits: (value) => typeof value === "string" && CODE.test(value),
  },
  closeCode: { right: "4000 to 4999, or another code that may be sent, such as 1011", fits: (value) => isSendableCloseCode(value as number) },
  retry: { right: 'true, false or "later"', fits: (value) => typeof value === "boolean" || value === "later" },
  text: { right: `text of at most ${MAX_REASON_BYTES} bytes`, fits: (value) => typeof value === "string" && Buffer.byteLength(value) <= MAX_REASON_BYTES },
  detail: kinds.anything,
};

/** Reads each field once. @throws TypeError for what is no closure. */
export function checkClosure(given: Closure): CheckedClosure {
  if (!isPlainObject(given)) {
    throw new TypeError(
      `ConnectionError: a closure is ${kindOfObject(given)}; give an object such as { code: "ERR_TOKEN_EXPIRED", closeCode: 4401, retry: false }`,
    );
  }
  const closure = readOptions<Closure>("ConnectionError", given, closureKinds);
  for (const name of ["code", "closeCode", "retry"] as const) {
    if (closure[name] === undefined) throw new TypeError(`ConnectionError: ${name} is missing; give ${closureKinds[name].right}`);
  }
  const { code, closeCode, retry, text = code, detail } = closure;
  return { code, closeCode, retry, text, detail };
}
