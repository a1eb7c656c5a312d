import type { StandardSchema } from "./standard-schema.ts";
import { TopicPattern } from "./topic-pattern.ts";

/** A request: what the client sends, and what the server answers. */
export interface RequestContract<P extends StandardSchema = StandardSchema, R extends StandardSchema = StandardSchema> {
  readonly payload: P;
  readonly reply: R;
}

/** A kind of topic: the events published on it, and the state that a new subscriber gets, where it has one. */
export interface TopicContract {
  readonly events: Readonly<Record<string, StandardSchema>>;
  readonly state?: StandardSchema;
}

/** All that two ends may say to each other. What an application does not have, it leaves out. */
export interface Contract {
  /** Events, in both directions. By name. */
  readonly events?: Readonly<Record<string, StandardSchema>>;
  /** Requests of clients. By name. */
  readonly requests?: Readonly<Record<string, RequestContract>>;
  /** Kinds of topics. By pattern, such as `room:{room}`. */
  readonly topics?: Readonly<Record<string, TopicContract>>;
}

/** A contract that says nothing about names and payloads: for a client without types. */
export interface AnyContract {
  readonly events: Readonly<Record<string, StandardSchema>>;
  readonly requests: Readonly<Record<string, RequestContract>>;
  readonly topics: Readonly<Record<string, { readonly events: Readonly<Record<string, StandardSchema>>; readonly state: StandardSchema }>>;
}

/** A request for a contract: the schemas of its payload and of its reply. */
export function request<P extends StandardSchema, R extends StandardSchema>(payload: P, reply: R): RequestContract<P, R> {
  return { payload, reply };
}

/** A kind of topic for a contract. */
export function topic<const T extends TopicContract>(contract: T): T {
  return contract;
}

function refuse(what: string, why: string, right: string): never {
  throw new TypeError(`contract: ${what} ${why}; give ${right}`);
}

/** May an event or a request be called that? 1 to 64 characters, none of them a control character, not beginning with `upwire.`. */
function checkName(kind: string, name: string): void {
  const isName = /^[^\p{Cc}\p{Cs}]{1,64}$/u.test(name) && !name.startsWith("upwire.") && name !== "__proto__";
  if (!isName) refuse(`${kind} ${JSON.stringify(name)}`, "is no name", 'up to 64 characters that do not begin with "upwire."');
}

function checkSchema(what: string, schema: unknown): void {
  const standard = (schema as StandardSchema | null | undefined)?.["~standard"] as Partial<StandardSchema["~standard"]> | undefined;
  if (standard?.version === 1 && typeof standard.validate === "function") return;
  refuse(what, "is no schema", "one of a library with Standard Schema, such as Zod 4, Valibot or ArkType");
}

function checkTopics(topics: Readonly<Record<string, TopicContract>>): void {
  const known: TopicPattern[] = [];
  for (const [name, { events, state }] of Object.entries(topics)) {
    const pattern = new TopicPattern(name);
    const twin = known.find((other) => other.overlaps(pattern));
    if (twin !== undefined) refuse(`topics ${twin.pattern} and ${name}`, "can have the same name", "patterns that no name matches twice");
    known.push(pattern);
    for (const [event, schema] of Object.entries(events)) {
      checkName(`topic ${name}: event`, event);
      checkSchema(`topic ${name}: event ${event}`, schema);
    }
    if (state !== undefined) checkSchema(`topic ${name}: state`, state);
  }
}

/**
 * Checks a contract, and gives it back with its exact type. `export type Contract = typeof contract` is all that a client imports.
 * @throws TypeError for a name or a pattern that may not be, for two patterns that can match one name, for what is no schema.
 */
export function defineContract<const C extends Contract>(contract: C): C {
  for (const [name, schema] of Object.entries(contract.events ?? {})) {
    checkName("event", name);
    checkSchema(`event ${name}`, schema);
  }
  for (const [name, { payload, reply }] of Object.entries(contract.requests ?? {})) {
    checkName("request", name);
    checkSchema(`request ${name}: payload`, payload);
    checkSchema(`request ${name}: reply`, reply);
  }
  checkTopics(contract.topics ?? {});
  return contract;
}
