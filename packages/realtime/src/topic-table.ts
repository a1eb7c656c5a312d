import type { HistoryBounds } from "@upwire/cluster/broker";
import { kinds, readOptions, type Kind, type OptionKinds } from "@upwire/core/adapter";
import { TopicPattern, type Contract, type StandardSchema, type TopicContract } from "@upwire/protocol";
import { checkEventName, checkNames, isEventName } from "./handlers.ts";
import { count } from "./limits.ts";

/** The rules of a topic, whatever its pattern. */
interface Rules {
  readonly canSubscribe?: (call: object) => unknown;
  readonly canPublish?: (call: object) => unknown;
  readonly state?: (call: object) => unknown;
  readonly history?: Partial<HistoryBounds> | false;
}

/** The topics of one pattern. */
export interface TopicKind {
  readonly pattern: TopicPattern;
  readonly rules: Rules;
  readonly history: HistoryBounds | undefined;
  readonly stateSchema: StandardSchema | undefined;
  /** An event with its schema, where anything is checked; `undefined` for one that does not exist. */
  event(name: string): { readonly schema: StandardSchema | undefined } | undefined;
  /** The schema of an event. @throws TypeError for one that does not exist. */
  schemaOf(name: string): StandardSchema | undefined;
}

export interface FoundTopic {
  readonly kind: TopicKind;
  readonly parameters: Readonly<Record<string, string>>;
}

const defaultHistory: HistoryBounds = Object.freeze({ messages: 100, bytes: 1024 * 1024, ageMs: 300_000 });

const aHistory: Kind = { right: "false, or an object with messages, bytes and ageMs", fits: (value) => value === false || kinds.group.fits(value) };
const ruleKinds: OptionKinds<Rules> = { canSubscribe: kinds.callback, canPublish: kinds.callback, state: kinds.callback, history: aHistory };
const historyKinds: OptionKinds<HistoryBounds> = { messages: count, bytes: count, ageMs: count };

/** What the functions of a topic get beside its parameters. */
const RESERVED = ["user", "connection", "topic", "event", "payload"];

/** The topics of an application. */
export class TopicTable {
  readonly #kinds: readonly TopicKind[];

  /** @throws TypeError for rules that cannot be meant, for a pattern that the contract does not have, and for patterns that can match one name. */
  constructor(contract: Contract | undefined, given: Readonly<Record<string, unknown>> = {}) {
    const contracts: Readonly<Record<string, TopicContract | undefined>> = contract?.topics ?? {};
    const patterns = contract === undefined ? Object.keys(given) : Object.keys(contracts);
    checkNames("topics", given, patterns);
    const all: TopicKind[] = [];
    for (const pattern of patterns) {
      const kind = kindOf(pattern, Object.hasOwn(given, pattern) ? given[pattern] : {}, contract === undefined ? undefined : contracts[pattern]);
      const twin = all.find((other) => other.pattern.overlaps(kind.pattern));
      if (twin !== undefined)
        throw new TypeError(`topics: ${twin.pattern.pattern} and ${pattern} can have the same name; give patterns that no name matches twice`);
      all.push(kind);
    }
    this.#kinds = all;
  }

  find(name: string): FoundTopic | undefined {
    for (const kind of this.#kinds) {
      const parameters = kind.pattern.match(name);
      if (parameters !== undefined) return { kind, parameters };
    }
    return undefined;
  }

  /** @throws TypeError for a pattern that does not exist. */
  of(pattern: string): TopicKind {
    const kind = this.#kinds.find((one) => one.pattern.pattern === pattern);
    if (kind !== undefined) return kind;
    const known = this.#kinds.map((one) => JSON.stringify(one.pattern.pattern)).join(", ");
    throw new TypeError(`topic: there is no pattern ${JSON.stringify(pattern)}; ${known === "" ? "name it in the option topics" : `there are ${known}`}`);
  }
}

function kindOf(text: string, given: unknown, contract: TopicContract | undefined): TopicKind {
  const pattern = new TopicPattern(text);
  const taken = pattern.parameters.find((name) => RESERVED.includes(name));
  if (taken !== undefined)
    throw new TypeError(`topics: ${text} has a parameter ${taken}, and the functions get something else under that name; call it something else`);
  const { canSubscribe, canPublish, state, history = {} } = readOptions<Rules>(`topics ${text}`, given, ruleKinds);
  const rules = given as Rules;
  const events = contract && new Map(Object.entries(contract.events));
  const event: TopicKind["event"] = (name) => {
    // Clients hear it under the name of an event: another client's is not to pass for it.
    if (name === "state" && state !== undefined) return undefined;
    if (events === undefined) return isEventName(name) ? { schema: undefined } : undefined;
    const schema = events.get(name);
    return schema && { schema };
  };
  return {
    pattern,
    rules: {
      ...(canSubscribe && { canSubscribe: (call) => canSubscribe.call(rules, call) }),
      ...(canPublish && { canPublish: (call) => canPublish.call(rules, call) }),
      ...(state && { state: (call) => state.call(rules, call) }),
    },
    history: history === false ? undefined : { ...defaultHistory, ...readOptions<Partial<HistoryBounds>>(`history of ${text}`, history, historyKinds) },
    stateSchema: contract?.state,
    event,
    schemaOf(name) {
      if (events === undefined) checkEventName(name);
      const found = event(name);
      if (found !== undefined) return found.schema;
      if (name === "state" && state !== undefined) throw new TypeError(`topic ${text}: clients hear its state as "state"; give the event another name`);
      throw new TypeError(`topic ${text}: the contract has no event ${JSON.stringify(name)}; it has ${[...(events ?? new Map()).keys()].join(", ") || "none"}`);
    },
  };
}
