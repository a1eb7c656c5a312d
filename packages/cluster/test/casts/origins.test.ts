import { expect, it } from "vitest";
import { OriginReader, originPrefix, writeOrigin } from "../../src/casts/origins.ts";

it("reads what it writes, of one node after the other", () => {
  const reader = new OriginReader();
  for (const node of ["node-aaa1", "node-aaa", "node-b", "node-aaa1"]) {
    for (const cast of [0, 7, 1_234_567_890, 999_999_999_999_999]) {
      for (const hasOptions of [false, true]) {
        expect(reader.read(writeOrigin(originPrefix(node), cast, { hasOptions }))).toBe(true);
        expect(reader).toMatchObject({ node, cast, hasOptions });
      }
    }
  }
});

it.each([undefined, "", ":", ":5", "node:", "node::o", "node:x", "node:5:x", "node:5:o:o", "node:-5", "node:5.5", "node: 5", `node:${"1".repeat(16)}`, "node"])(
  "takes %j for no origin",
  (origin) => {
    const reader = new OriginReader();
    expect(reader.read("node:5")).toBe(true);
    expect(reader.read(origin)).toBe(false);
    expect(reader.read("node:6")).toBe(true);
    expect(reader).toMatchObject({ node: "node", cast: 6 });
  },
);
