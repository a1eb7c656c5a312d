import { isPlainObject, kindOf, kindOfObject } from "../base/kind-of.ts";
import { nearestNames } from "../base/nearest-name.ts";
import { oneOf, shownValue } from "../base/option-check.ts";

/** What other libraries call a hook, in lower case. */
const aliases: Readonly<Record<string, string>> = {
  onopen: "open",
  onmessage: "message",
  onstream: "stream",
  onclose: "close",
  onerror: "error",
  ondrain: "drain",
  onping: "ping",
  onpong: "pong",
  onconnect: "open",
  onconnection: "open",
  connect: "open",
  connected: "open",
  connection: "open",
  ondata: "message",
  data: "message",
  receive: "message",
  onreceive: "message",
  ontext: "message",
  disconnect: "close",
  disconnected: "close",
  ondisconnect: "close",
  end: "close",
  onend: "close",
};

const EXAMPLE = "websocket({ message(connection, message) { connection.send(message); } })";

/** What a handler brings beside its hooks. */
const NEEDS = ["options", "concurrency"];

/**
 * The names of all members of a handler, with those of its classes and those that are not enumerable, without what every object has. The value
 * says whether the member may be a hook, which only a function can be.
 */
function membersOf(handler: object): Map<string, boolean> {
  const members = new Map<string, boolean>();
  for (let at: object | null = handler; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at) as object | null) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (name !== "constructor" && !members.has(name)) members.set(name, typeof value === "function");
    }
  }
  return members;
}

interface Member {
  /** A function. */
  readonly mayBeHook: boolean;
  readonly given: Readonly<Record<string, unknown>>;
  readonly hookNames: readonly string[];
}

/** What a member that is no part of a handler was probably meant as. */
function meantBy(name: string, { mayBeHook, given, hookNames }: Member): readonly string[] {
  const lowered = name.toLowerCase();
  const sameButCase = [...hookNames, ...NEEDS].filter((known) => known.toLowerCase() === lowered);
  if (sameButCase.length > 0) return sameButCase;
  const hooks = mayBeHook ? nearestNames(name, hookNames, aliases).filter((near) => typeof given[near] !== "function") : [];
  // At most one letter may differ: `actions` and `optional` are words of their own, and no misspelled `options`.
  return hooks.length > 0 ? hooks : nearestNames(name, NEEDS, {}, 1).filter((near) => given[near] === undefined);
}

/**
 * Hooks are checked by their names, `hookNames`. Beside them an application may have state and helpers of its own, under names of
 * their own: what differs from a known name in its case only, a function whose name is near to a hook that is missing, and
 * anything whose name is near to `options` or `concurrency` is a mistake. What begins with `_` is never looked at.
 * @throws TypeError for what is no handler, a hook that is no function, or a member whose name is misspelled.
 */
export function checkHandler(handler: unknown, hookNames: readonly string[]): void {
  if (typeof handler !== "object" || handler === null || Array.isArray(handler)) {
    throw new TypeError(`websocket: a handler is an object with hooks, and this is ${kindOf(handler)}; write ${EXAMPLE}`);
  }
  const given = handler as Readonly<Record<string, unknown>>;
  for (const name of hookNames) {
    const hook = given[name];
    if (hook !== undefined && typeof hook !== "function") throw new TypeError(`websocket: the hook ${name} is ${kindOf(hook)}; give a function`);
  }
  if (typeof given["message"] === "function" && typeof given["stream"] === "function") {
    throw new TypeError("websocket: the handler has both message and stream, and a message can go to one of them; leave one out");
  }
  for (const [name, mayBeHook] of membersOf(handler)) {
    if (hookNames.includes(name) || NEEDS.includes(name) || name.startsWith("_")) continue;
    const meant = meantBy(name, { mayBeHook, given, hookNames });
    if (meant.length > 0) throw new TypeError(`websocket: there is no ${mayBeHook ? "hook" : "member"} ${JSON.stringify(name)}; write ${oneOf(meant)}`);
  }
  checkNeeds(given);
}

/** Checks what a handler brings beside its hooks. No timer and no buffer depends on `concurrency`, so it has no upper bound. */
function checkNeeds({ concurrency, options }: Readonly<Record<string, unknown>>): void {
  if (concurrency !== undefined && (!Number.isSafeInteger(concurrency) || (concurrency as number) < 1)) {
    throw new TypeError(`websocket: concurrency: ${shownValue(concurrency)} is not allowed; give a whole number from 1 on, or leave it out`);
  }
  if (options !== undefined && !isPlainObject(options)) {
    throw new TypeError(`websocket: the options of a handler are an object, and these are ${kindOfObject(options)}`);
  }
}

/** What Express, Fastify, Hono, Koa and Node call a route with: its first argument is a request, or holds one. */
function isRequest(value: unknown): boolean {
  const { headers, raw, req } = value as { readonly headers?: unknown; readonly raw?: unknown; readonly req?: unknown };
  return (typeof headers === "object" && headers !== null && "method" in (value as object)) || isRequestLike(raw) || isRequestLike(req);
}

function isRequestLike(value: unknown): boolean {
  return typeof value === "object" && value !== null && "method" in value && "url" in value;
}

/**
 * Checks what a route is made with.
 * @throws TypeError as `checkHandler`, for a handler without any hook, and for `websocket` itself where its result belongs.
 */
export function checkRouteHandler(handler: unknown, second: unknown, hookNames: readonly string[]): void {
  if (typeof handler === "object" && handler !== null && isRequest(handler)) {
    throw new TypeError("websocket: this is a request and no handler; write app.get(path, websocket(handler)) and not app.get(path, websocket)");
  }
  checkHandler(handler, hookNames);
  const given = handler as Readonly<Record<string, unknown>>;
  if (hookNames.some((name) => typeof given[name] === "function")) return;
  const [unknown = ""] = Object.keys(given);
  const swapped = second !== undefined && typeof second === "object" && second !== null && hookNames.some((name) => name in second);
  const right = swapped ? "the handler comes first, and the options second" : `write at least one of ${hookNames.join(", ")}`;
  throw new TypeError(`websocket: the handler has no hook${unknown === "" ? "" : `, only ${JSON.stringify(unknown)}`}; ${right}`);
}
