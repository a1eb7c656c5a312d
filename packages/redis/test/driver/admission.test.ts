import { describe, expect, it } from "vitest";
import type { Line } from "../../src/driver/line.ts";
import { scripts } from "../../src/lua/scripts.ts";
import { Admission, neededCommands } from "../../src/driver/admission.ts";
import { planeScripts } from "../../src/nodes/scripts.ts";

describe("the commands that are asked of an ACL", () => {
  it("are all that the scripts use", () => {
    const known = new Set(neededCommands.map((command) => command.split(" ")[0]));
    const used = [...scripts, ...planeScripts].flatMap(({ text }) => [...text.matchAll(/\bcall\('([A-Z]+)'/g)].map(([, name]) => name));
    expect(used.length).toBeGreaterThan(10);
    expect(used.filter((name) => !known.has(name))).toEqual([]);
  });
});

describe("a server that answers with something else", () => {
  /** Answers rightly, but for the commands that are given. */
  const line = (wrong: Readonly<Record<string, Buffer>>): Line => {
    const answerTo = (args: readonly unknown[]): Buffer | readonly Buffer[] => {
      const name = args.slice(0, 2).join(" ");
      const [, answer] = Object.entries(wrong).find(([start]) => name.startsWith(start)) ?? [];
      if (answer !== undefined) return answer;
      if (name === "HELLO") return ["server", "redis", "version", "7.0.15", "mode", "standalone", "role", "master"].map((text) => Buffer.from(text));
      if (name.startsWith("EVAL ")) return [];
      if (name === "SCRIPT LOAD") return Buffer.from("sha-of-it");
      return Buffer.from(name === "INFO server" ? `run_id:${"0123456789abcdef".repeat(3).slice(0, 40)}\r\n` : ((args[1] as string | undefined) ?? "PONG"));
    };
    return {
      connect: () => Promise.resolve(),
      call: (args) => Promise.resolve(answerTo(args)),
      many: (calls) => Promise.resolve(calls.map(answerTo)),
      subscribe: () => Promise.resolve(),
      unsubscribe: () => Promise.resolve(),
      close: () => {},
    };
  };
  const admit = (wrong: Readonly<Record<string, Buffer>>): Promise<string> =>
    new Admission({ prefix: "t", name: "t:x", isCluster: false, isSharded: false, scripts: [{ text: "return 1", sha: "sha-of-it" }], warn: () => {} }).admit(
      line(wrong),
    );

  it("is not let in", async () => {
    expect(await admit({})).toBe("0123456789abcdef");
    const other = Buffer.from("other");
    await expect(admit({ HELLO: other })).rejects.toThrow("what answers there is not Redis");
    await expect(admit({ "EVAL ": other })).rejects.toThrow("the answer of a script is not what it returns");
    await expect(admit({ "SCRIPT LOAD": other })).rejects.toThrow("the answer to SCRIPT LOAD is not the name of the script");
    await expect(admit({ "PING t:x": other })).rejects.toThrow("Redis left out the answer of a command, or gave one twice");
    expect(await admit({ "INFO server": other })).toBe("");
  });
});
