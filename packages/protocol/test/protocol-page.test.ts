import { readdirSync, readFileSync } from "node:fs";
import { errorCodes, readClientFrame, retryOf, SUBPROTOCOL, TOKEN_PREFIX, type ErrorCode } from "@upwire/protocol";
import { describe, expect, it } from "vitest";

const file = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");
const page = file("../PROTOCOL.md");

describe("PROTOCOL.md", () => {
  it("has the table of error codes that the code has", () => {
    const codes = Object.keys(errorCodes) as ErrorCode[];
    const wanted = codes.map((code) => `| \`${code}\` | ${errorCodes[code].retryable ? "yes" : "no"} | ${errorCodes[code].text} |`);
    expect([...page.matchAll(/^\| `[a-z_]+` \| (?:yes|no) \| .*$/gm)].map(([row]) => row)).toEqual(wanted);
  });

  it("says after which close code to come back as the code does", () => {
    const words = { true: "yes", false: "no", later: "later" };
    const rows = [...page.matchAll(/^\| (\d{4}) \| .* \| (\w+) \|$/gm)].map(([, code, again]) => [code, again]);
    expect(rows.length).toBeGreaterThan(10);
    expect(rows).toEqual(rows.map(([code]) => [code, words[String(retryOf(Number(code))) as keyof typeof words]]));
  });

  it("gives an example for each message, and the client's are what a server reads", () => {
    const rows = [...page.matchAll(/^\| ([\w ]+) \| (client|server) \| `(\{.*\})` \|$/gm)].map(([, purpose, by, json = ""]) => ({
      purpose,
      by,
      frame: JSON.parse(json) as unknown,
    }));
    const kinds = rows.filter(({ by }) => by === "client").map(({ frame }) => readClientFrame(frame).kind);
    expect(kinds).toEqual(["event", "request", "cancel", "subscribe", "subscribe", "subscribe", "publish", "unsubscribe", "ping"]);
    expect(rows.filter(({ by }) => by === "server").length).toBeGreaterThan(12);
  });

  it("names the subprotocol and the prefix of a token", () => {
    expect(page.startsWith(`# ${SUBPROTOCOL}\n`)).toBe(true);
    expect(page).toContain(`\`${TOKEN_PREFIX}\``);
  });
});

describe("the vectors", () => {
  const folder = new URL("../vectors/", import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
  const vectors = files.flatMap((name) => JSON.parse(file(`../vectors/${name}`)) as { name: string; steps: object[] }[]);

  it("have names of their own, and steps of known kinds", () => {
    expect(new Set(vectors.map(({ name }) => name)).size).toBe(vectors.length);
    const readme = file("../vectors/README.md").split("## The application")[0] ?? "";
    const kinds = new Set(
      JSON.stringify(vectors.map(({ steps }) => steps)).match(/(?<=\{")(?:open|cut|quiet|times|closed|app|do|event|client\w*|server\w*)(?=":)/g),
    );
    const documented = new Set([...readme.matchAll(/^\| `\{ "(\w+)": /gm)].map(([, kind]) => kind));
    expect([...kinds].toSorted()).toEqual([...documented].toSorted());
  });

  it("use no topic twice, so that one application serves all", () => {
    const owner = new Map<string, string>();
    for (const { name, steps } of vectors.filter((vector) => JSON.stringify(vector).includes('"for":["server'))) {
      for (const [topic] of JSON.stringify(steps).matchAll(/(?<="topic":")(?:room|board|tick|view):[^"]+/g)) {
        if (["room:locked", "room:quiet"].includes(topic)) continue;
        expect([topic, owner.get(topic) ?? name]).toEqual([topic, name]);
        owner.set(topic, name);
      }
    }
    expect(owner.size).toBeGreaterThan(20);
  });

  it("come with a client of at most 120 lines", () => {
    expect(file("../vectors/plain-client.mjs").split("\n").length - 1).toBeLessThanOrEqual(120);
    expect(file("../vectors/plain-client.mjs")).not.toMatch(/\bimport\b|\brequire\b/);
  });
});
