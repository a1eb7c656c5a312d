import {
  defineContract,
  request,
  topic,
  type AnyContract,
  type EventName,
  type ReplyOut,
  type RequestIn,
  type StandardSchema,
  type StateOut,
  type TopicEventIn,
  type TopicParams,
  type TopicPatternName,
} from "@upwire/protocol";
import { expect, expectTypeOf, it } from "vitest";

const schema = <In, Out = In>(): StandardSchema<In, Out> => ({
  "~standard": { version: 1, vendor: "test", validate: (value) => ({ value: value as Out }) },
});

const contract = defineContract({
  requests: { rename: request(schema<{ name: string }>(), schema<string, number>()) },
  topics: { "room:{room}:{part}": topic({ events: { message: schema<{ text: string }>() }, state: schema<string[]>() }), lobby: topic({ events: {} }) },
});
type C = typeof contract;
type ParameterOf<P extends string> = keyof TopicParams<P>;

it("is a type on both ends", () => {
  expectTypeOf<EventName<C>>().toEqualTypeOf<never>();
  expectTypeOf<RequestIn<C, "rename">>().toEqualTypeOf<{ name: string }>();
  expectTypeOf<ReplyOut<C, "rename">>().toEqualTypeOf<number>();
  expectTypeOf<TopicPatternName<C>>().toEqualTypeOf<"room:{room}:{part}" | "lobby">();
  expectTypeOf<TopicEventIn<C, "room:{room}:{part}", "message">>().toEqualTypeOf<{ text: string }>();
  expectTypeOf<StateOut<C, "room:{room}:{part}">>().toEqualTypeOf<string[]>();
  expectTypeOf<StateOut<C, "lobby">>().toEqualTypeOf<never>();
  expectTypeOf<TopicParams<"room:{room}:{part}">>().toEqualTypeOf<{ readonly room: string | number; readonly part: string | number }>();
  expectTypeOf<ParameterOf<"lobby">>().toEqualTypeOf<never>();
  expectTypeOf<EventName<AnyContract>>().toEqualTypeOf<string>();
  expectTypeOf<StateOut<AnyContract, string>>().toEqualTypeOf<unknown>();
  expect(contract.requests.rename.payload["~standard"].version).toBe(1);
});

it.each<readonly [string, object]>([
  ['event "upwire.x" is no name', { events: { "upwire.x": schema() } }],
  ['event "" is no name', { events: { "": schema() } }],
  ["event a is no schema", { events: { a: {} } }],
  ["request a: reply is no schema", { requests: { a: { payload: schema() } } }],
  ["topics a:{x} and {y}:b can have the same name", { topics: { "a:{x}": { events: {} }, "{y}:b": { events: {} } } }],
  ["topic a: state is no schema", { topics: { a: { events: {}, state: 5 } } }],
  ["it is no topic name", { topics: { "a::b": { events: {} } } }],
])("is refused where it is wrong: %s", (message, wrong) => {
  expect(() => defineContract(wrong)).toThrow(TypeError);
  expect(() => defineContract(wrong)).toThrow(message);
});
