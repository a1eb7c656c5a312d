import { defineContract, type Contract } from "@upwire/protocol";
import type { LooseContract, LooseOptions, RealtimeOptions } from "./options.ts";
import { readRealtimeOptions, type AnyOptions } from "./read-options.ts";
import type { Realtime } from "./realtime.ts";
import { Service } from "./service.ts";

/**
 * A handler for `websocket(...)` of every adapter, which speaks `upwire.v1`: events, requests with a reply, and topics with
 * history. Make one for each route; it must be the only handler of its connections.
 *
 * With a contract, each payload is validated by the server, in both directions. Without one payloads are `unknown`, and the options name
 * the events, requests and topics.
 * @throws TypeError for a contract or options that cannot be meant.
 */
export function createRealtime<User = undefined, Pattern extends string = never, Native = unknown>(
  options: LooseOptions<Pattern, User, Native>,
): Realtime<LooseContract<Pattern>, User, Native>;
export function createRealtime<const C extends Contract, User = undefined, Native = unknown>(
  contract: C,
  options: RealtimeOptions<C, User, Native>,
): Realtime<C, User, Native>;
export function createRealtime(...given: readonly unknown[]): unknown {
  const [contract, options] = given.length > 1 ? [defineContract(given[0] as Contract), given[1]] : [undefined, given[0]];
  const service = new Service<unknown>(contract, readRealtimeOptions((options ?? {}) as AnyOptions<unknown>));
  return service.realtime();
}
