import { kindOf } from "../base/kind-of.ts";
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

/** Its own methods and those of its classes, without what every object has. */
function methodsOf(handler: object): Set<string> {
  const names = new Set<string>();
  for (let at: object | null = handler; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at) as object | null) {
    for (const [name, { value, enumerable }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (typeof value === "function" && name !== "constructor" && (enumerable === true || at !== handler)) names.add(name);
    }
  }
  return names;
}

/**
 * Hooks are checked by their names, `hookNames`. A method beside them is a helper, unless its name is near to that of a hook which is missing.
 * @throws TypeError for what is no handler, a hook that is no function, or one whose name is misspelled.
 */
export function checkHandler(handler: unknown, hookNames: readonly string[]): void {
  if (typeof handler !== "object" || handler === null || Array.isArray(handler)) {
    throw new TypeError(`websocket: a handler is an object with hooks, and this is ${kindOf(handler)}; write ${EXAMPLE}`);
  }
  const given = handler as Readonly<Record<string, unknown>>;
  for (const name of hookNames) {
    const hook = given[name];
    if (hook !== undefined && hook !== null && typeof hook !== "function") throw new TypeError(`websocket: the hook ${name} is ${kindOf(hook)}; give a function`);
  }
  if (typeof given["message"] === "function" && typeof given["stream"] === "function") {
    throw new TypeError("websocket: the handler has both message and stream, and a message can go to one of them; leave one out");
  }
  for (const name of methodsOf(handler)) {
    if (hookNames.includes(name)) continue;
    const missing = nearestNames(name, hookNames, aliases).filter((near) => typeof given[near] !== "function");
    if (missing.length > 0) throw new TypeError(`websocket: there is no hook ${JSON.stringify(name)}; write ${oneOf(missing)}`);
  }
  checkNeeds(given);
}

/** What a handler brings beside its hooks. Its range is looked at here: no timer and no buffer depends on it. */
function checkNeeds({ concurrency, options }: Readonly<Record<string, unknown>>): void {
  if (concurrency !== undefined && (!Number.isSafeInteger(concurrency) || (concurrency as number) < 1)) {
    throw new TypeError(`websocket: concurrency: ${shownValue(concurrency)} is not allowed; give a whole number from 1 on, or leave it out`);
  }
  if (options !== undefined && (typeof options !== "object" || options === null || Array.isArray(options))) {
    throw new TypeError(`websocket: the options of a handler are an object, and these are ${kindOf(options)}`);
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
 * What a route is made with.
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
