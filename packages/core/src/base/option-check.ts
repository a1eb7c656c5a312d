import { kindOf } from "./kind-of.ts";
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
const hasMethods = (value: unknown, names: readonly string[]): boolean => isObject(value) && names.every((name) => isFunction((value as Record<string, unknown>)[name]));

/** The kinds of options that there are. Numbers have their own range, and are looked at where it is known. */
export const kinds: Readonly<
  Record<"anything" | "flag" | "callback" | "origin" | "subprotocols" | "headers" | "compression" | "group" | "readers" | "clock" | "idPrefix", Kind>
> = {
  anything: { right: "", fits: () => true },
  flag: { right: "true or false", fits: (value) => typeof value === "boolean" },
  callback: { right: "a function", fits: isFunction },
  origin: { right: 'a list such as ["https://app.example.com"], "same-origin" or a function', fits: (value) => isFunction(value) || isTexts(value) || typeof value === "string" },
  subprotocols: { right: 'a list such as ["chat.v1"] or a function', fits: (value) => isFunction(value) || isTexts(value) },
  headers: { right: 'an object such as { "x-name": "value" } or a function', fits: (value) => isFunction(value) || (isObject(value) && !Array.isArray(value)) },
  compression: { right: "true, false or an object with options", fits: (value) => typeof value === "boolean" || (isObject(value) && !Array.isArray(value)) },
  group: { right: "an object with options", fits: (value) => isObject(value) && !Array.isArray(value) },
  readers: { right: "wsReaders()", fits: (value) => hasMethods(value, ["whole", "streaming"]) },
  idPrefix: { right: '1 to 64 letters, digits, "_", "." or "-"', fits: (value) => typeof value === "string" && /^[\w.-]{1,64}$/.test(value) },
  clock: { right: "an object with the functions now, after and every", fits: (value) => hasMethods(value, ["now", "after", "every"]) },
};

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
 * @param owner Whose options these are, for the text of an error.
 * @throws TypeError for options that are no object, an option that does not exist, with the nearest one that does, and a
 * value of a wrong kind.
 */
export function checkOptions<Options extends object>(owner: string, options: unknown, wanted: OptionKinds<Options>): void {
  if (!kinds.group.fits(options)) throw new TypeError(`${owner}: the options are ${kindOf(options)}; give an object with options`);
  const names = Object.keys(wanted);
  for (const [name, value] of Object.entries(options as object)) {
    if (!Object.hasOwn(wanted, name)) throw new TypeError(unknownOption(owner, name, names));
    const kind = wanted[name as keyof Options];
    if (value !== undefined && !kind.fits(value)) throw new TypeError(`${owner}: ${name}: ${shownValue(value)} is not allowed; give ${kind.right}`);
  }
}

function unknownOption(owner: string, name: string, names: readonly string[]): string {
  const alias = aliases[name.toLowerCase()];
  const nearest = nearestNames(name, names, alias !== undefined && names.includes(alias) ? aliases : {});
  const right = nearest.length > 0 ? `write ${oneOf(nearest)}` : `there are ${names.join(", ")}`;
  return `${owner}: there is no option ${JSON.stringify(name)}; ${right}`;
}
