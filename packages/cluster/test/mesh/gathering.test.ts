import { expect, it } from "vitest";
import { Gathering } from "../../src/mesh/gathering.ts";

it("waits for each node, and for the subscriptions that it repeats", () => {
  const gathering = new Gathering(["one", "two", "gone"]);
  gathering.asks("one", 2);
  gathering.subscribed("one");
  gathering.subscribed("two");
  gathering.asks("two", 0);
  gathering.gone("gone");
  expect(gathering.isOver).toBe(false);
  gathering.subscribed("one");
  expect(gathering.isOver).toBe(true);
});

it("waits again for a node of which something was lost, until it is over", () => {
  const gathering = new Gathering(["one", "two"]);
  gathering.asks("one", 0);
  gathering.restarted("one");
  gathering.asks("two", 0);
  expect(gathering.isOver).toBe(false);
  gathering.asks("one", 0);
  expect(gathering.isOver).toBe(true);
  gathering.restarted("two");
  gathering.asks("stranger", 3);
  expect(gathering.isOver).toBe(true);
});

it("is over at once where there is no other node", () => {
  expect(new Gathering([]).isOver).toBe(true);
});
