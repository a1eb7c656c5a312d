import { isBroker } from "@upwire/cluster/broker";
import { Upgrader, type ConnectionHandler, type UpgraderOptions } from "@upwire/core";
import { kinds, readOptions, wholeNumber, type Kind, type OptionKinds } from "@upwire/core/adapter";
import { SUBPROTOCOL, type Contract } from "@upwire/protocol";
import type { FallbackHandler, RealtimeOptions } from "./options.ts";

/** The options, whatever the contract. */
export type AnyOptions<User> = Omit<RealtimeOptions<Contract, User, never>, "events" | "requests" | "topics"> & {
  readonly events?: Readonly<Record<string, unknown>>;
  readonly requests?: Readonly<Record<string, unknown>>;
  readonly topics?: Readonly<Record<string, unknown>>;
};

const aBroker: Kind = {
  right: "a broker, such as memoryBroker()",
  fits: isBroker,
};

/** So many spread over one hour, the longest time that a client keeps to. */
const MOST_CLIENTS = 9_000_000;

const optionKinds: OptionKinds<AnyOptions<unknown>> = {
  authorize: kinds.callback,
  userId: kinds.callback,
  events: kinds.group,
  requests: kinds.group,
  topics: kinds.group,
  fallback: { right: "a handler, as for websocket(handler)", fits: (value) => typeof value === "object" && value !== null },
  onOpen: kinds.callback,
  onMessage: kinds.callback,
  onAnswer: kinds.callback,
  limits: kinds.group,
  expectedClients: wholeNumber(1, MOST_CLIENTS),
  broker: aBroker,
  restore: { right: "the bytes that save() gave", fits: (value) => value instanceof Uint8Array },
  clock: kinds.clock,
  options: kinds.group,
};

/** @throws TypeError for an option that does not exist, or of a wrong kind, and for a `fallback` that is no handler or wants streams. */
export function readRealtimeOptions<User>(given: AnyOptions<User>): AnyOptions<User> {
  const options = readOptions<AnyOptions<User>>("createRealtime", given, optionKinds);
  const { fallback } = options;
  if (fallback !== undefined) checkFallback(fallback);
  return options;
}

function checkFallback(fallback: FallbackHandler<never, never>): void {
  if (typeof (fallback as ConnectionHandler).stream === "function") {
    throw new TypeError("fallback: it takes messages as streams, and a realtime reads whole ones; give it a message hook, or serve it on a route of its own");
  }
  Upgrader.forRoute(fallback as ConnectionHandler);
}

/**
 * What the route gets: the options of the application, over those of the fallback, over those of a realtime.
 * @param node The name of this node, where there may be others: by it they find its connections.
 */
export function routeOptions<User>({ authorize, fallback, options = {} }: AnyOptions<User>, node: string | undefined): UpgraderOptions<User, never> {
  // Where nothing says who a client is, the fallback may: `user` is what that gives.
  const before = fallback?.options as UpgraderOptions<User, never> | undefined;
  const brought = {
    slowConsumer: "drop-newest" as const,
    ...(node !== undefined && { connectionIdPrefix: node }),
    ...before,
    ...(authorize && { authorize }),
    ...options,
  };
  return { ...brought, subprotocols: withOurs<never>(options.subprotocols ?? before?.subprotocols ?? []) };
}

type Subprotocols<Native> = NonNullable<UpgraderOptions<unknown, Native>["subprotocols"]>;

/** A client that offers `upwire.v1` speaks it, whatever else it offers. */
function withOurs<Native>(others: Subprotocols<Native>): Subprotocols<Native> {
  if (typeof others !== "function") return [SUBPROTOCOL, ...others.filter((name) => name !== SUBPROTOCOL)];
  return (offered, request) => (offered.includes(SUBPROTOCOL) ? SUBPROTOCOL : others(offered, request));
}
