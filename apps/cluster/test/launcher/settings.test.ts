import { describe, expect, it } from "vitest";
import { findProgram } from "../../src/launcher/programs.ts";
import { readSettings, SettingsError } from "../../src/launcher/settings.ts";

describe("what the command line asks for", () => {
  it("is a mesh without a proxy, on a free port", () => {
    expect(readSettings([], {})).toEqual({ broker: "mesh", proxy: "none", port: 0 });
  });

  it("is what the flags say", () => {
    expect(readSettings(["--broker", "redis", "--proxy=nginx"], { PORT: "8080" })).toEqual({ broker: "redis", proxy: "nginx", port: 8080 });
  });

  it.each([
    [["--broker", "kafka"], {}, '--broker must be one of mesh, redis, not "kafka"'],
    [["--proxy", "caddy"], {}, '--proxy must be one of none, nginx, haproxy, not "caddy"'],
    [["--nonsense"], {}, "Unknown option '--nonsense'. Usage: npm run cluster -- --broker mesh|redis --proxy none|nginx|haproxy"],
    [["nonsense"], {}, "Unexpected argument 'nonsense'. Usage: "],
    [["--proxy"], {}, "Option '--proxy <value>' argument missing. Usage: "],
    [[], { PORT: "eighty" }, 'PORT must be a whole number from 0 to 65535, not "eighty"'],
    [[], { PORT: "65536" }, 'PORT must be a whole number from 0 to 65535, not "65536"'],
  ])("is refused in one line: %j with %j", (args, env, message) => {
    const refusal = refusalOf(() => readSettings(args, env));
    expect(refusal).toContain(message);
    expect(refusal.split("\n")).toHaveLength(1);
  });
});

it("a program that is missing is named with its package", () => {
  expect(refusalOf(() => findProgram("redis-server", { PATH: "/nowhere" }))).toBe("There is no redis-server on this machine: apt-get install redis-server");
});

function refusalOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
  throw new Error("was not refused");
}
