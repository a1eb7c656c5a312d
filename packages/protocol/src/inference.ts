/**
 * What a contract says, as types. A sender gives what goes into a schema (`In`), a receiver gets what comes out of it (`Out`);
 * the server validates each payload once, in either direction. A contract without a part has no names of that part.
 */
import type { Contract } from "./contract.ts";
import type { InferInput, InferOutput, StandardSchema } from "./standard-schema.ts";

type Events<C> = C extends { readonly events: infer E } ? E : unknown;
type Requests<C> = C extends { readonly requests: infer R } ? R : unknown;
type Topics<C> = C extends { readonly topics: infer T } ? T : unknown;
type Member<T, K> = K extends keyof T ? T[K] : never;
type In<S> = S extends StandardSchema ? InferInput<S> : never;
type Out<S> = S extends StandardSchema ? InferOutput<S> : never;

/** The names of its events. */
export type EventName<C extends Contract> = keyof Events<C> & string;
export type EventIn<C extends Contract, E extends EventName<C>> = In<Member<Events<C>, E>>;
export type EventOut<C extends Contract, E extends EventName<C>> = Out<Member<Events<C>, E>>;

/** The names of its requests. */
export type RequestName<C extends Contract> = keyof Requests<C> & string;
export type RequestIn<C extends Contract, R extends RequestName<C>> = In<Member<Member<Requests<C>, R>, "payload">>;
export type RequestOut<C extends Contract, R extends RequestName<C>> = Out<Member<Member<Requests<C>, R>, "payload">>;
export type ReplyIn<C extends Contract, R extends RequestName<C>> = In<Member<Member<Requests<C>, R>, "reply">>;
export type ReplyOut<C extends Contract, R extends RequestName<C>> = Out<Member<Member<Requests<C>, R>, "reply">>;

/** The patterns of its topics. */
export type TopicPatternName<C extends Contract> = keyof Topics<C> & string;

/** The names of the events of a topic. */
export type TopicEventName<C extends Contract, P extends TopicPatternName<C>> = keyof Member<Member<Topics<C>, P>, "events"> & string;
export type TopicEventIn<C extends Contract, P extends TopicPatternName<C>, E extends TopicEventName<C, P>> = In<
  Member<Member<Member<Topics<C>, P>, "events">, E>
>;
export type TopicEventOut<C extends Contract, P extends TopicPatternName<C>, E extends TopicEventName<C, P>> = Out<
  Member<Member<Member<Topics<C>, P>, "events">, E>
>;

/** The state of a topic; `never` for a topic without one. */
export type StateIn<C extends Contract, P extends TopicPatternName<C>> = In<Member<Member<Topics<C>, P>, "state">>;
export type StateOut<C extends Contract, P extends TopicPatternName<C>> = Out<Member<Member<Topics<C>, P>, "state">>;

type ParameterName<P extends string> = P extends `${infer Head}:${infer Rest}`
  ? ParameterName<Head> | ParameterName<Rest>
  : P extends `{${infer Name}}`
    ? Name
    : never;

/** The parameters that a pattern needs: `TopicParams<"room:{room}">` is `{ room: string | number }`. */
export type TopicParams<P extends string> = string extends P
  ? Readonly<Record<string, string | number>>
  : { readonly [Name in ParameterName<P>]: string | number };

/** The parameters that a name is taken apart into. */
export type TopicMatch<P extends string> = string extends P ? Readonly<Record<string, string>> : { readonly [Name in ParameterName<P>]: string };
