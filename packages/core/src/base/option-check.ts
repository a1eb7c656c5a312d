import { isPlainObject, kindOf, kindOfObject } from "./kind-of.ts";
import { nearestNames } from "./nearest-name.ts";

/** What an option may be. */
export interface Kind {
  /** What would be right, for the text of an error. */
  readonly right: string;
  fits(value: unknown): boolean;
}

/** One for each option, so that the compiler finds a new one that is missing here. */
export type OptionKinds<Options extends object> = Readonly<Record<keyof Options, Kind>>;

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
const isFunction = (value: unknown): boolean => typeof value === "function";
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every((text) => typeof text === "string");
const hasMethods = (value: unknown, names: readonly string[]): boolean =>
  isObject(value) && names.every((name) => isFunction((value as Record<string, unknown>)[name]));

/** The kinds of options that there are. Numbers have their own range, and are looked at where it is known. */
export const kinds: Readonly<
  Record<"anything" | "text" | "flag" | "callback" | "origin" | "subprotocols" | "headers" | "compression" | "group" | "readers" | "clock" | "idPrefix", Kind>
> = {
  anything: { right: "", fits: () => true },
  text: { right: "a string", fits: (value) => typeof value === "string" },
  flag: { right: "true or false", fits: (value) => typeof value === "boolean" },
  callback: { right: "a function", fits: isFunction },
  origin: {
    right: 'a list such as ["https://app.example.com"], "same-origin" or a function',
    fits: (value) => isFunction(value) || isTexts(value) || typeof value === "string",
  },
  subprotocols: { right: 'a list such as ["chat.v1"] or a function', fits: (value) => isFunction(value) || isTexts(value) },
  headers: { right: 'an object such as { "x-name": "value" } or a function', fits: (value) => isFunction(value) || isPlainObject(value) },
  compression: { right: "true, false or an object with options", fits: (value) => typeof value === "boolean" || isPlainObject(value) },
  group: { right: "an object with options", fits: isPlainObject },
  readers: { right: "wsReaders()", fits: (value) => hasMethods(value, ["whole", "streaming"]) },
  idPrefix: { right: '1 to 64 letters, digits, "_", "." or "-"', fits: (value) => typeof value === "string" && /^[\w.-]{1,64}$/.test(value) },
  clock: { right: "an object with the functions now, after and every", fits: (value) => hasMethods(value, ["now", "after", "every"]) },
};

/** Timers of Node take no more. */
const MAX_WHOLE = 2 ** 31 - 1;

/** For an option that is a whole number. @param to @default 2147483647 */
export function wholeNumber(from: number, to: number = MAX_WHOLE): Kind {
  return {
    right: `a whole number from ${from} to ${to}`,
    fits: (value) => Number.isSafeInteger(value) && (value as number) >= from && (value as number) <= to,
  };
}

/** What other libraries, or other spellings, call an option; in lower case. */
const aliases: Readonly<Record<string, string>> = {
  origins: "origin",
  allowedorigins: "origin",
  cors: "origin",
  auth: "authorize",
  authenticate: "authorize",
  verifyclient: "authorize",
  allowrequest: "authorize",
  protocols: "subprotocols",
  protocol: "subprotocols",
  handleprotocols: "subprotocols",
  maxpayload: "maxMessageBytes",
  maxpayloadlength: "maxMessageBytes",
  maxhttpbuffersize: "maxMessageBytes",
  maxbackpressure: "maxQueueBytes",
  backpressurelimit: "maxQueueBytes",
  permessagedeflate: "compression",
  heartbeat: "pingIntervalMs",
  heartbeatinterval: "pingIntervalMs",
  keepalive: "pingIntervalMs",
  pinginterval: "pingIntervalMs",
  pingtimeout: "pongTimeoutMs",
  idletimeout: "idleTimeoutMs",
  closetimeout: "closeTimeoutMs",
  handshaketimeout: "handshakeTimeoutMs",
  trustedproxies: "trustProxy",
  maxclients: "maxConnections",
  onupgradeerror: "onReject",
  onreject: "onReject",
  threshold: "thresholdBytes",
  timeout: "graceMs",
  grace: "graceMs",
  exclude: "except",
};

/** A value as an error shows it. */
export function shownValue(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  return typeof value === "number" || typeof value === "boolean" ? String(value) : kindOf(value);
}

/** `"a"`, `"a" or "b"`, `"a", "b" or "c"`. */
export function oneOf(names: readonly string[]): string {
  const quoted = names.map((name) => JSON.stringify(name));
  const last = quoted.pop() ?? "";
  return quoted.length === 0 ? last : `${quoted.join(", ")} or ${last}`;
}

/**
 * What a set of options is: a plain object, each of whose own properties, hidden ones too, is an option that exists. `undefined`
 * means that it is not set, here as for each option, and `null` is refused.
 * @param owner Whose options these are, for the text of an error.
 * @returns a copy without what is not set, each read once: what was checked is what counts.
 * @throws TypeError for options that are no plain object, an option that does not exist, with the nearest one that does, and a
 * value of a wrong kind.
 */
export function readOptions<Options extends object>(owner: string, given: unknown, wanted: OptionKinds<Options>): Options {
  const read: Record<string, unknown> = {};
  if (given === undefined) return read as Options;
  if (!isPlainObject(given)) throw new TypeError(`${owner}: the options are ${kindOfObject(given)}; ${rightObject(given)}`);
  for (const name of Object.getOwnPropertyNames(given)) {
    if (!Object.hasOwn(wanted, name)) throw new TypeError(unknownOption(owner, name, Object.keys(wanted)));
    const value = given[name];
    if (value === undefined) continue;
    const kind = wanted[name as keyof Options];
    if (!kind.fits(value)) throw new TypeError(`${owner}: ${name}: ${shownOption(value)} is not allowed; give ${kind.right}`);
    read[name] = value;
  }
  return read as Options;
}

function rightObject(given: unknown): string {
  const kind = kindOfObject(given);
  if (kind === "a promise") return "await it, and give an object with options";
  return typeof given === "object" && given !== null && !Array.isArray(given) ? "give a plain object, such as { ...options }" : "give an object with options";
}

function shownOption(value: unknown): string {
  return typeof value === "object" && !isPlainObject(value) ? kindOfObject(value) : shownValue(value);
}

function unknownOption(owner: string, name: string, names: readonly string[]): string {
  const alias = aliases[name.toLowerCase()];
  const nearest = nearestNames(name, names, alias !== undefined && names.includes(alias) ? aliases : {});
  const right = nearest.length > 0 ? `write ${oneOf(nearest)}` : `there are ${names.join(", ")}`;
  return `${owner}: there is no option ${JSON.stringify(name)}; ${right}`;
}
