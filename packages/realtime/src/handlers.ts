import type { Contract, StandardSchema } from "@upwire/protocol";
import type { EventCall, RequestCall } from "./calls.ts";

/** An event: its schema, if there is a contract, and its function, if there is one. */
export interface EventEntry {
  readonly payload: StandardSchema | undefined;
  readonly run: ((call: EventCall<unknown, never>) => unknown) | undefined;
}

export interface RequestEntry {
  readonly payload: StandardSchema | undefined;
  readonly reply: StandardSchema | undefined;
  readonly run: (call: RequestCall<unknown, never>) => unknown;
}

type Functions = Readonly<Record<string, unknown>>;

/** The events of an application by name. `undefined` as the contract allows every name. */
export class Events {
  readonly #entries: ReadonlyMap<string, EventEntry>;
  readonly #isOpen: boolean;

  /** @throws TypeError for a function under a name that the contract does not have. */
  constructor(contract: Contract | undefined, functions: Functions = {}) {
    const names = contract === undefined ? Object.keys(functions) : Object.keys(contract.events ?? {});
    checkNames("events", functions, names);
    this.#isOpen = contract === undefined;
    this.#entries = new Map(
      names.map((name) => [name, { payload: own(contract?.events, name), run: functionOf("events", functions, name) as EventEntry["run"] }]),
    );
  }

  get(name: string): EventEntry | undefined {
    return this.#entries.get(name);
  }

  /** The schema of an event that the server sends. @throws TypeError for one that the contract does not have, or that may not be sent. */
  schemaOf(name: string): StandardSchema | undefined {
    const entry = this.#entries.get(name);
    if (entry !== undefined) return entry.payload;
    if (!this.#isOpen) throw new TypeError(`the contract has no event ${JSON.stringify(name)}; it has ${[...this.#entries.keys()].join(", ") || "none"}`);
    checkEventName(name);
    return undefined;
  }
}

/** May an event be called that? */
export function isEventName(name: unknown): name is string {
  return typeof name === "string" && /^[^\p{Cc}\p{Cs}]{1,64}$/u.test(name) && !name.startsWith("upwire.");
}

/** @throws TypeError for what is no name of an event. */
export function checkEventName(name: unknown): void {
  if (isEventName(name)) return;
  throw new TypeError(`${JSON.stringify(name)} is no name; give 1 to 64 characters, no control characters, that do not begin with "upwire."`);
}

/** @throws TypeError for a function under a name that the contract does not have, and for a request of the contract without one. */
export function requestEntries(contract: Contract | undefined, functions: Functions = {}): ReadonlyMap<string, RequestEntry> {
  const names = contract === undefined ? Object.keys(functions) : Object.keys(contract.requests ?? {});
  checkNames("requests", functions, names);
  return new Map(
    names.map((name) => {
      const run = functionOf("requests", functions, name) as RequestEntry["run"] | undefined;
      if (run === undefined)
        throw new TypeError(`requests: the contract has the request ${name}, and there is no function for it; write ${name}({ payload }) { return … }`);
      const { payload, reply } = own(contract?.requests, name) ?? { payload: undefined, reply: undefined };
      return [name, { payload, reply, run }];
    }),
  );
}

export function checkNames(option: string, given: Functions, names: readonly string[]): void {
  const foreign = Object.keys(given).find((name) => !names.includes(name));
  if (foreign === undefined) return;
  throw new TypeError(`${option}: the contract has no ${JSON.stringify(foreign)}; it has ${names.map((name) => JSON.stringify(name)).join(", ") || "none"}`);
}

function own<Value>(record: Readonly<Record<string, Value>> | undefined, name: string): Value | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}

function functionOf(option: string, functions: Functions, name: string): unknown {
  const run = own(functions, name);
  if (run !== undefined && typeof run !== "function") throw new TypeError(`${option}: ${name} is no function; write ${name}({ payload }) { … }`);
  return run?.bind(functions);
}
