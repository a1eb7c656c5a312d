import { describe, expect, it } from "vitest";
import { scripts } from "../../src/lua/scripts.ts";
import { neededCommands } from "../../src/driver/admission.ts";
import { planeScripts } from "../../src/nodes/scripts.ts";

describe("the commands that are asked of an ACL", () => {
  it("are all that the scripts use", () => {
    const known = new Set(neededCommands.map((command) => command.split(" ")[0]));
    const used = [...scripts, ...planeScripts].flatMap(({ text }) => [...text.matchAll(/\bcall\('([A-Z]+)'/g)].map(([, name]) => name));
    expect(used.length).toBeGreaterThan(10);
    expect(used.filter((name) => !known.has(name))).toEqual([]);
  });
});
