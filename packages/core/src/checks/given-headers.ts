import { validateHeaderName, validateHeaderValue } from "node:http";
import { atOnce } from "../base/guard.ts";
import { isPlainObject, kindOf, kindOfObject } from "../base/kind-of.ts";

/** Headers of the application, names as they were given. */
export type HeaderValues = Readonly<Record<string, string | readonly string[]>>;

/** How the answer is framed and what becomes of its connection is not the application's to say (RFC 9110 §7.6.1, RFC 9112 §6). */
const FRAMING = new Set(["connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"]);

/** Whether it says how the answer is framed, or what becomes of its connection. */
export function isFraming(name: string): boolean {
  return FRAMING.has(name.toLowerCase());
}

function checkHeader(owner: string, name: string, value: unknown): void {
  const shown = JSON.stringify(name);
  try {
    validateHeaderName(name);
  } catch {
    throw new TypeError(`${owner}: ${shown} is no name of a header; write letters, digits and "-"`);
  }
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  for (const one of values) {
    if (typeof one !== "string" && typeof one !== "number") throw new TypeError(`${owner}: the header ${shown} is ${kindOf(one)}; give a string`);
    try {
      validateHeaderValue(name, String(one));
    } catch {
      // The value may be from a client, so the error does not repeat it.
      throw new TypeError(`${owner}: the header ${shown} has a character that no header may have; encode line breaks and what is not Latin-1`);
    }
  }
}

/** @throws TypeError that names the header, for what is no object of header names and values. */
export function checkHeaders(owner: string, headers: unknown): HeaderValues {
  atOnce(owner, headers);
  if (!isPlainObject(headers)) {
    throw new TypeError(`${owner}: ${kindOfObject(headers)} is no set of headers; write { "x-name": "value" }`);
  }
  for (const [name, value] of Object.entries(headers)) checkHeader(owner, name, value);
  return headers as HeaderValues;
}
