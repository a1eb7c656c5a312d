import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { expect, it } from "vitest";
import { UpgradeRequest } from "../../src/checks/upgrade-request.ts";

function paramsOf(params: object | undefined): UpgradeRequest["params"] {
  return new UpgradeRequest(new IncomingMessage(new Socket()), { native: undefined, ...(params && { params }) }).params;
}

it("keeps params that are texts as they are", () => {
  const params = { room: "tea", name: "" };
  expect(paramsOf(params)).toBe(params);
  expect(paramsOf(undefined)).toEqual({});
});

it("makes texts of what routers and schemas have made of params", () => {
  const given = {
    path: ["a", "b c", "d"],
    none: [],
    id: 7,
    big: 7n,
    is: false,
    left: undefined,
    nothing: null,
    date: new Date(0),
    bare: Object.create(null) as object,
    deep: [["x"], { y: 1 }],
  };
  expect(paramsOf(given)).toEqual({
    path: "a/b c/d",
    none: "",
    id: "7",
    big: "7",
    is: "false",
    left: undefined,
    nothing: undefined,
    date: undefined,
    bare: undefined,
    deep: "x/",
  });
});

it("takes __proto__ as a name like any other", () => {
  const params = paramsOf(JSON.parse('{"__proto__": 1, "id": 2}') as object);
  expect(Object.entries(params)).toEqual([
    ["__proto__", "1"],
    ["id", "2"],
  ]);
  expect(Object.getPrototypeOf(params)).toBe(Object.prototype);
});
