import type { FastifyBaseLogger, FastifyInstance } from "fastify";

/** On what a route is made of: which entry point of this package it is from. Two copies of the package know each other's. */
const entryMark: unique symbol = Symbol.for("upwire.fastify-entry") as never;

/** The two entry points of this package. */
export type Entry = "@upwire/fastify" | "@upwire/fastify/websocket";

/** Lets `refuseMistakes` tell where a route is from. */
export function marked<Part extends object>(part: Part, entry: Entry): Part {
  return Object.assign(part, { [entryMark]: entry });
}

function entryOf(part: unknown): Entry | undefined {
  return typeof part === "function" ? (part as { readonly [entryMark]?: Entry })[entryMark] : undefined;
}

const BESIDE: Readonly<Record<Entry, string>> = {
  "@upwire/fastify": '@fastify/websocket is registered too, and would answer first: register attach of "@upwire/fastify/websocket" in place of both',
  "@upwire/fastify/websocket": "@fastify/websocket is registered already: leave that out, attach registers it, with the same options",
};

/**
 * Throws, as soon as they are declared, for routes of `app` that `attach` of this entry point cannot serve.
 * @throws TypeError when `attach` was called and not registered. @throws Error when `@fastify/websocket` is there already; beside
 * our own route it must not come later either.
 */
export function refuseMistakes(app: FastifyInstance, options: object | undefined, entry: Entry, websocket: unknown): void {
  if (typeof (app as Partial<FastifyInstance> | undefined)?.register !== "function" || options === undefined) {
    throw new TypeError("attach: this is a plugin of Fastify: write await app.register(attach)");
  }
  const failBeside = (): void => {
    if (app.hasDecorator("websocketServer")) throw new Error(`attach: ${BESIDE[entry]}`);
  };
  failBeside();
  if (entry === "@upwire/fastify") app.addHook("onReady", async () => failBeside());
  app.addHook("onRoute", ({ handler, url, ...route }) => {
    if (handler === websocket)
      throw new TypeError(`websocket: write app.get(${JSON.stringify(url)}, websocket(handler)) and not app.get(${JSON.stringify(url)}, websocket)`);
    const from = entryOf(handler) ?? entryOf((route as { readonly wsHandler?: unknown }).wsHandler);
    if (from !== undefined && from !== entry)
      throw new TypeError(`The route ${url} has websocket of "${from}", and attach is of "${entry}": import both from one of them`);
  });
}

/** What Fastify itself may be told with a plugin; `attach` of core knows only its own options. */
const OF_FASTIFY = new Set(["prefix", "logLevel", "logSerializers"]);

/** The options without those of Fastify, and without `others`; what is no plain object as it is, for core to refuse. */
export function ownOptions(options: object, others: readonly string[] = []): object {
  const prototype: unknown = Object.getPrototypeOf(options);
  if (prototype !== null && prototype !== Object.prototype) return options;
  const names = Object.getOwnPropertyNames(options).filter((name) => !OF_FASTIFY.has(name) && !others.includes(name));
  return Object.fromEntries(names.map((name) => [name, options[name as never]]));
}

/** What a WebSocket route answers when the plugin does not bring the request. */
export const NOT_THROUGH_PLUGIN = 'This request did not come through @fastify/websocket: register attach of "@upwire/fastify/websocket" before the routes.\n';

/**
 * Where the errors of a request and its connection go: to the request's own logger, unless logging is off. It keeps the logger and
 * nothing of the request.
 */
export function logTo(log: FastifyBaseLogger): { readonly logError?: (error: unknown) => void } {
  // The logger that Fastify has without `logger` writes nothing, and has no level.
  if (log.level === undefined) return {};
  return { logError: (error) => log.error({ err: error }, "upwire: an error of the application's own code") };
}
