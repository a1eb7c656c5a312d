import type { Broker } from "./broker.ts";

type Methods = { readonly [Name in keyof Broker as Required<Broker>[Name] extends (...call: never) => unknown ? Name : never]: Broker[Name] };

/** A record, so that the compiler finds a method that is missing here. `save` is not needed. */
const methods: Readonly<Record<Exclude<keyof Methods, "save">, true>> = {
  start: true,
  publish: true,
  subscribe: true,
  unsubscribe: true,
  history: true,
  state: true,
  nodes: true,
  tell: true,
  close: true,
};

/** Whether a value has all that a broker must have. */
export function isBroker(value: unknown): value is Broker {
  return typeof value === "object" && value !== null && Object.keys(methods).every((name) => typeof (value as Record<string, unknown>)[name] === "function");
}
