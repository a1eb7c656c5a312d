import { CloseCode, isUnexpectedClose, type CloseInfo } from "@upwire/core";
import { expect, it } from "vitest";

const ended = (code: number): CloseInfo => ({ code, reason: "", wasClean: code !== 1006 });

it("says that a connection ended with a code that was not expected", () => {
  const expected = [CloseCode.normal, CloseCode.goingAway];
  expect([1000, 1001, 1005, 1006, 1011, 4000].filter((code) => isUnexpectedClose(ended(code), ...expected))).toEqual([1005, 1006, 1011, 4000]);
  expect(isUnexpectedClose(ended(1000))).toBe(true);
});
