import { jsonText } from "@upwire/core/adapter";
import { describe, expect, it } from "vitest";

const late = (): unknown => Promise.reject(new Error("late"));
let deep: unknown = { toJSON: late };
for (let depth = 0; depth < 100; depth++) deep = [deep];

describe("the JSON of a value", () => {
  it.each([
    { text: "hi", list: [1, null, { x: true }], when: new Date(0), none: undefined, symbol: Symbol("s"), call: () => 1 },
    "text",
    7,
    null,
    undefined,
    [undefined, Symbol("s"), () => 1],
    { toJSON: () => ({ toJSON: 1 }) },
    Object.assign(Object.create({ inherited: 1 }) as object, { own: 2 }),
  ])("is what JSON.stringify gives: %#", (value) => {
    expect(jsonText(value)).toBe(JSON.stringify(value));
  });

  it.each([
    ["a toJSON at the top", { toJSON: late }],
    ["a toJSON below", { a: [{ b: { toJSON: late } }] }],
    ["a toJSON of a toJSON", { toJSON: () => ({ a: { toJSON: late } }) }],
    ["a toJSON of a function", { a: Object.assign(() => 1, { toJSON: late }) }],
    ["a toJSON far below", deep],
    [
      "a promise",
      {
        get a() {
          return late();
        },
      },
    ],
    // oxlint-disable-next-line unicorn/no-thenable
    ["a thenable", { a: { then: () => {} } }],
  ])("is refused for %s that is async, and its rejection ends nothing", (_name, value) => {
    expect(() => jsonText(value)).toThrow(
      new TypeError("toJSON: a promise is no answer here; give the value at once, and ask for it before, such as in authorize"),
    );
  });

  it("is refused for what holds itself", () => {
    const ring: Record<string, unknown> = {};
    ring["ring"] = ring;
    expect(() => jsonText(ring)).toThrow(/circular/i);
  });
});
